// Verifications per second, beside the official JavaScript library of Standard Webhooks, in turns so
// that a busy machine slows both alike.
//
//   node_modules/.bin/node receiver/bench/verifications.ts             11 rounds
//   node_modules/.bin/node receiver/bench/verifications.ts --rounds=3  fewer
import { parseArgs } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { verify } from '../src/index.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
/** Of a round, per body and library: long enough for the clock, short enough to take turns. */
const ROUND_MS = 60;
const BODY_BYTES = [182, 1_000, 10_000, 102_400];

interface Measured {
  readonly bodyBytes: number;
  readonly given: 'text' | 'bytes';
  readonly oursPerSecond: number;
  readonly theirsPerSecond: number;
  /** The median of the rounds' own ratios. */
  readonly ratio: number;
}

async function measure(bodyBytes: number, given: 'text' | 'bytes', rounds: number) {
  const { text, headers } = request(bodyBytes);
  const body = given === 'text' ? text : Buffer.from(text);
  const official = new Webhook(SECRET);
  const ours = () => verify({ headers, body, secrets: SECRET });
  // Both once in a promise, as in a handler.
  const theirs = async () => official.verify(body, headers);
  const pairs: { ours: number; theirs: number }[] = [];
  for (let round = 0; round <= rounds; round++) {
    const pair = { ours: await perSecond(ours), theirs: await perSecond(theirs) };
    // The first round only warms up.
    if (round > 0) pairs.push(pair);
  }
  const measured: Measured = {
    bodyBytes,
    given,
    oursPerSecond: Math.round(median(pairs.map((pair) => pair.ours))),
    theirsPerSecond: Math.round(median(pairs.map((pair) => pair.theirs))),
    ratio: Number(median(pairs.map((pair) => pair.ours / pair.theirs)).toFixed(2)),
  };
  return measured;
}

async function perSecond(verifyOnce: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  let times = 0;
  let elapsedMs = 0;
  while (elapsedMs < ROUND_MS) {
    for (let index = 0; index < 20; index++) await verifyOnce();
    times += 20;
    elapsedMs = performance.now() - startedMs;
  }
  return (times / elapsedMs) * 1_000;
}

/** An event of about the documented shape, padded to the size, as Node has its headers. */
function request(bodyBytes: number): { text: string; headers: Record<string, string> } {
  const user = { id: 'usr_789', name: 'John Doe', email: 'john@example.com', pad: '' };
  const event = { id: 'evt_abc123', type: 'user.created', created_at: '2023-12-01T15:30:00Z' };
  const empty = JSON.stringify({ ...event, data: user });
  const pad = 'x'.repeat(Math.max(0, bodyBytes - empty.length));
  const text = JSON.stringify({ ...event, data: { ...user, pad } });
  const now = new Date();
  const headers = {
    host: 'receiver.example',
    'content-type': 'application/json',
    'content-length': String(text.length),
    'user-agent': 'Posthorn-Webhooks/1.0',
    'x-webhook-id': 'wh_0VbrPiHT00xEekcSzxdbQ7nk',
    'x-webhook-event': 'user.created',
    'x-webhook-signature': `sha256=${'0'.repeat(64)}`,
    'webhook-id': event.id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
    'webhook-signature': new Webhook(SECRET).sign(event.id, now, text),
    'x-webhook-delivery': 'del_0VbrPiIq01GbZVJsd2dSbSZ2',
    'x-webhook-attempt': '1',
    'x-webhook-trigger': 'schedule',
  };
  return { text, headers };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? 0;
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '11' } } });
const results: Measured[] = [];
for (const bodyBytes of BODY_BYTES) {
  for (const given of ['text', 'bytes'] as const) {
    results.push(await measure(bodyBytes, given, Number(values.rounds)));
  }
}
console.table(results);
