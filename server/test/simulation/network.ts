import type { Clock, Exchange, Transport, WireRequest } from '../../src/core/ports.ts';
import type { Chance } from './chance.ts';

/** How a receiver takes what it gets; it may change at any time. */
export type Mood =
  | 'well'
  | 'slow'
  | 'hangs'
  | 'broken'
  | 'refuses'
  | 'poisonous'
  | 'asks to wait'
  | 'gone'
  | 'unauthorized'
  | 'loses answers'
  | 'away';

export const MOODS: readonly Mood[] = [
  'well',
  'slow',
  'hangs',
  'broken',
  'refuses',
  'poisonous',
  'asks to wait',
  'gone',
  'unauthorized',
  'loses answers',
  'away',
];

/** One exchange, as the receiver saw it. Times are the clock's monotonic ones. */
export interface Seen {
  life: number;
  url: string;
  webhookId: string;
  deliveryId: string;
  eventId: string;
  trigger: string;
  attempt: number;
  legacySignature: string;
  startedAt: number;
  /** Null while it goes on, and for ever when the sender fell. */
  endedAt: number | null;
  /** What the sender was told. */
  outcome: Exchange | null;
  heldUntil: number | null;
}

export interface Network {
  transport: Transport;
  seen: Seen[];
  moodOf(url: string): Mood;
  setMood(url: string, mood: Mood): void;
  /** Told of each exchange as it begins. */
  began: (seen: Seen) => void;
  /** The sender's lives are counted: what an earlier one began is not answered to it any more. */
  life: number;
}

const ok: Exchange = {
  kind: 'response',
  status: 200,
  responseTimeMs: 5,
  body: 'OK',
  retryAfter: null,
  note: null,
};
const answer = (status: number, retryAfter: string | null = null): Exchange => ({
  ...ok,
  kind: 'response',
  status,
  responseTimeMs: 5,
  body: '',
  retryAfter,
  note: null,
});
const failure = (failed: 'timeout' | 'connection_refused' | 'connection_reset'): Exchange => ({
  kind: 'failure',
  failure: failed,
  note: null,
});

/** Receivers that answer by their mood, on the clock's time. */
export function createNetwork(clock: Clock, chance: Chance): Network {
  const moods = new Map<string, Mood>();
  const network: Network = {
    transport: { send, close: async () => {} },
    seen: [],
    moodOf: (url) => moods.get(url) ?? 'well',
    setMood: (url, mood) => void moods.set(url, mood),
    began: () => {},
    life: 0,
  };
  return network;

  function send(request: WireRequest, ended: (exchange: Exchange) => void) {
    const header = headersOf(request);
    const seen: Seen = {
      life: network.life,
      url: request.url.href,
      webhookId: header('x-webhook-id'),
      deliveryId: header('x-webhook-delivery'),
      eventId: header('webhook-id'),
      trigger: header('x-webhook-trigger'),
      attempt: Number(header('x-webhook-attempt')),
      legacySignature: header('x-webhook-signature'),
      startedAt: clock.monotonic(),
      endedAt: null,
      outcome: null,
      heldUntil: null,
    };
    network.seen.push(seen);
    network.began(seen);
    const end = (exchange: Exchange) => {
      if (seen.endedAt !== null || seen.life !== network.life) return;
      seen.endedAt = clock.monotonic();
      seen.outcome = exchange;
      ended(exchange);
    };
    const [afterMs, exchange] = reaction(network.moodOf(seen.url), seen);
    if (exchange !== null) clock.after(afterMs, () => end(exchange));
    return { expire: () => end(failure('timeout')) };
  }

  function reaction(mood: Mood, seen: Seen): [afterMs: number, exchange: Exchange | null] {
    const soon = chance.between(1, 40);
    switch (mood) {
      case 'well':
        return [soon, ok];
      case 'slow':
        return [chance.between(500, 9_000), ok];
      case 'hangs':
        return [0, null];
      case 'broken':
        return [soon, answer(chance.pick([500, 502, 503, 429]))];
      case 'refuses':
        return [soon, answer(chance.pick([400, 404, 422]))];
      case 'poisonous':
        return [
          soon,
          Number(seen.eventId.codePointAt(seen.eventId.length - 1)) % 3 === 0 ? answer(500) : ok,
        ];
      case 'asks to wait': {
        const seconds = chance.between(1, 90);
        seen.heldUntil = clock.monotonic() + soon + seconds * 1_000;
        return [soon, answer(chance.pick([429, 503]), String(seconds))];
      }
      case 'gone':
        return [soon, answer(410)];
      case 'unauthorized':
        return [soon, answer(chance.pick([401, 403]))];
      case 'loses answers':
        return chance.happens(0.5) ? [soon, ok] : [soon, failure('connection_reset')];
      case 'away':
        return [soon, failure('connection_refused')];
    }
  }
}

function headersOf({ headers }: WireRequest): (name: string) => string {
  const values = new Map<string, string>();
  for (let index = 0; index < headers.length; index += 2) {
    values.set(String(headers[index]).toLowerCase(), String(headers[index + 1]));
  }
  return (name) => values.get(name) ?? '';
}
