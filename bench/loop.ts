// The baseline's process: signs and sends what the server would send, with the same client, and does
// nothing else. Whatever Posthorn adds is seen beside it.
import { createSecretKey } from 'node:crypto';
import { HEADERS, legacySignature, secretKeys, standardSignature } from '@posthorn/receiver';
import { hmacSync } from '@posthorn/receiver/node';
import { Agent, type Dispatcher } from 'undici';
import { answerCalls } from './support/calls.ts';
import { monotonicMs } from './support/monotonic.ts';
import { EVENT_TYPE, sampleData } from './support/sample-events.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const EVENT_ID = 'evt_00000000000000000000000000';
const WEBHOOK_ID = 'wh_00000000000000000000000000';
const DELIVERY_ID = 'del_00000000000000000000000000';

export interface LoopPlan {
  url: string;
  count: number;
  inFlight: number;
  seed: number;
}

export interface LoopReport {
  elapsedMs: number;
}

// The client's options in server/src/engine/connection.ts, with undici's own pool and no guard.
const agent = new Agent({
  allowH2: false,
  pipelining: 1,
  maxHeaderSize: 16_384,
  headersTimeout: 0,
  bodyTimeout: 0,
  keepAliveTimeout: 4_000,
  keepAliveMaxTimeout: 4_000,
});
const keys = secretKeys(SECRET);
const legacyKey = createSecretKey(keys.legacy);
const standardKey = createSecretKey(keys.standard);

const calls = { send };
export type LoopCalls = typeof calls;
answerCalls(calls);

/** Rejects at the first answer that is not a complete 200. */
async function send({ url, count, inFlight, seed }: LoopPlan): Promise<LoopReport> {
  const { origin, pathname } = new URL(url);
  const bodies = sampleData(seed, 64).map(bodyOf);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const beganAt = monotonicMs();
  let begun = 0;
  let ended = 0;

  for (let index = 0; index < Math.min(inFlight, count); index++) sendNext();
  await promise;
  return { elapsedMs: monotonicMs() - beganAt };

  function sendNext(): void {
    const body = Buffer.from(bodies[begun % bodies.length] ?? '');
    begun += 1;
    const request = { origin, path: pathname, method: 'POST' as const, headers: sign(body), body };
    agent.dispatch(request, new LoopExchange(hasEnded));
  }

  function hasEnded(error: Error | null): void {
    ended += 1;
    if (error !== null) reject(error);
    else if (begun < count) sendNext();
    else if (ended === count) resolve();
  }
}

class LoopExchange implements Dispatcher.DispatchHandler {
  readonly #ended: (error: Error | null) => void;
  #status = 0;

  constructor(ended: (error: Error | null) => void) {
    this.#ended = ended;
  }

  // Undici insists on these two.
  onRequestStart(): void {}
  onResponseData(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseEnd(): void {
    this.#ended(this.#status === 200 ? null : new Error(`it answered ${this.#status}`));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#ended(error);
  }
}

function bodyOf(data: object): string {
  const created = '2026-03-10T08:15:30Z';
  return JSON.stringify({ id: EVENT_ID, type: EVENT_TYPE, created_at: created, data });
}

/** The headers of server/src/engine/sender.ts. */
function sign(body: Buffer): string[] {
  const timestamp = Math.floor(Date.now() / 1_000);
  return [
    HEADERS.contentType,
    'application/json',
    HEADERS.userAgent,
    'Posthorn-Webhooks/1.0',
    HEADERS.webhookId,
    WEBHOOK_ID,
    HEADERS.eventType,
    EVENT_TYPE,
    HEADERS.legacySignature,
    legacySignature(hmacSync, legacyKey, body),
    HEADERS.eventId,
    EVENT_ID,
    HEADERS.timestamp,
    String(timestamp),
    HEADERS.standardSignature,
    standardSignature(hmacSync, standardKey, EVENT_ID, timestamp, body),
    HEADERS.deliveryId,
    DELIVERY_ID,
    HEADERS.attempt,
    '1',
    HEADERS.trigger,
    'schedule',
  ];
}
