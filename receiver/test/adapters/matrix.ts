// What every adapter is put through: every kind of body and every kind of request, what is answered,
// and that exactly the right events are handled.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { createReceiver, type WebhookEvent } from '../../src/index.ts';
import {
  duplicateOf,
  expiredRequest,
  futureRequest,
  rotatedRequest,
  signedRequest,
  type TestRequest,
  tamperedRequest,
} from '../../src/testing.ts';
import type { Adapter, Running } from './running.ts';

const SECRET = 'your_webhook_secret';
const OTHER_SECRET = 'another_webhook_secret';
const BODY_BYTES_MAX = 102_400;

const bodies: readonly [what: string, data: Record<string, unknown>][] = [
  ['unicode', { t: 'Zoë e\u0301 東京 العربية 👩‍🚀 \u2028 \u0000 \u007f "\\/' }],
  ['floats', { n: [0.1, 1.1, 1e21, 5e-324, 1.7976931348623157e308, -9007199254740991] }],
  ['key order', JSON.parse('{"b":1,"10":2,"a":3,"9":4,"__proto":5,"toString":6,"":7}')],
  ['100 KiB', {}],
  ['empty data', {}],
];

interface Cell {
  readonly request: (event: Partial<WebhookEvent>) => Promise<TestRequest>;
  readonly status: number;
  readonly answered: RegExp;
  readonly isHandled: boolean;
}

const by = { secret: SECRET };
const cells: Readonly<Record<string, Cell>> = {
  valid: {
    request: (event) => signedRequest(event, by),
    status: 200,
    answered: /^OK$/,
    isHandled: true,
  },
  tampered: {
    request: (event) => tamperedRequest(event, by),
    status: 401,
    answered: /^signature_mismatch/,
    isHandled: false,
  },
  old: {
    request: (event) => expiredRequest(event, by),
    status: 400,
    answered: /^timestamp_too_old/,
    isHandled: false,
  },
  future: {
    request: (event) => futureRequest(event, by),
    status: 400,
    answered: /^timestamp_too_new/,
    isHandled: false,
  },
  'wrong secret': {
    request: (event) => signedRequest(event, { secret: OTHER_SECRET }),
    status: 401,
    answered: /^signature_mismatch/,
    isHandled: false,
  },
  'rotated, the new secret unknown here': {
    request: (event) => rotatedRequest(event, { secret: OTHER_SECRET, previousSecret: SECRET }),
    status: 200,
    answered: /^OK$/,
    isHandled: true,
  },
  'rotated, the old secret unknown here': {
    request: (event) => rotatedRequest(event, { secret: SECRET, previousSecret: OTHER_SECRET }),
    status: 200,
    answered: /^OK$/,
    isHandled: true,
  },
};

export function testAdapter(adapter: Adapter): void {
  describe(adapter.name, async () => {
    const handled = new Map<string, unknown[]>();
    const receiver = createReceiver({ secrets: SECRET })
      .on('*', (event) => handled.set(event.id, [...(handled.get(event.id) ?? []), event]))
      .onError(() => {});
    const running = await adapter.start(receiver);
    const parsed = await adapter.startParsed(receiver);
    after(() => stopAll(running, parsed));

    for (const [what, data] of bodies) {
      for (const [name, { request, status, answered, isHandled }] of Object.entries(cells)) {
        test(`${what}, ${name}: ${status}`, async () => {
          const sent = await request(eventWith(what, data));
          assert.equal(Buffer.byteLength(sent.body) === BODY_BYTES_MAX, what === '100 KiB');
          const answer = await running.send(sent);
          assert.equal(answer.status, status, answer.body);
          assert.match(answer.body, answered);
          const event: WebhookEvent = JSON.parse(sent.body);
          assert.deepEqual(handled.get(event.id), isHandled ? [event] : undefined);
        });
      }

      test(`${what}, duplicate: 200, handled once`, async () => {
        const first = await signedRequest(eventWith(what, data), by);
        const second = await duplicateOf(first, by);
        assert.equal((await running.send(first)).body, 'OK');
        const answer = await running.send(second);
        assert.deepEqual([answer.status, answer.body], [200, 'OK, already handled']);
        const event: WebhookEvent = JSON.parse(first.body);
        assert.equal(handled.get(event.id)?.length, 1);
      });

      test(`${what}, parsed body: 500, and what to do`, async (t) => {
        const told: string[] = [];
        t.mock.method(console, 'error', (...parts: unknown[]) => told.push(parts.join(' ')));
        const sent = await signedRequest(eventWith(what, data), by);
        const answer = await parsed.send(sent);
        assert.equal(answer.status, 500);
        // With node:http there is nobody to throw at but the console.
        assert.match([answer.body, ...told].join('\n'), /neither text nor bytes\. [A-Z]/);
        const event: WebhookEvent = JSON.parse(sent.body);
        assert.equal(handled.get(event.id), undefined);
      });
    }
  });
}

let events = 0;

function eventWith(what: string, data: Record<string, unknown>): Partial<WebhookEvent> {
  const event = { id: `evt_${++events}`, type: 'user.created', created_at: '2023-12-01T15:30:00Z' };
  if (what !== '100 KiB') return { ...event, data };
  const bytes = Buffer.byteLength(JSON.stringify({ ...event, data: { t: '' } }));
  return { ...event, data: { t: 'x'.repeat(BODY_BYTES_MAX - bytes) } };
}

async function stopAll(...running: readonly Running[]): Promise<void> {
  for (const each of running) await each.stop();
}
