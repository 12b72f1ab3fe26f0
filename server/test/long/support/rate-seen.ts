import { KeyedPublisher } from '../../system/support/keyed-publisher.ts';
import { senderOf } from '../../system/support/nodes.ts';
import type { Arrival } from '../../system/support/receiver.ts';
import { Answered, type Repeats } from './answered.ts';
import type { Periods } from './periods.ts';
import { Room } from './room.ts';

/** Longer than it takes until somebody has taken over from a node that fell. */
export const RATE_LIMIT = { max: 100, perMs: 20_000 };
export const RATE_CONCURRENCY_MAX = 8;
const TYPE = 'project.deleted';
/** What a busy machine delays one request and not another. A window not counted is off by far more. */
const DELAY_MS_MAX = 1_000;
/** What comes from a node that woke so recently may have been in progress when it was frozen. */
const WAKING_MS = 2_000;
const TOLD_MAX = 20;
const BACKLOG_MAX = 4 * RATE_LIMIT.max;
/** An hour at full rate. */
const NUMBERS = Math.ceil((RATE_LIMIT.max * 3_600_000) / RATE_LIMIT.perMs) + BACKLOG_MAX;

/**
 * A webhook with a rate limit and always more than that to send. Requests that came too early are counted:
 * those that a frozen node had in progress, at most as many as it may have at a time, and others, of
 * which there must be none.
 */
export class RateSeen {
  url = '';
  readonly publisher: KeyedPublisher;
  readonly room = new Room(BACKLOG_MAX);
  requests = 0;
  /** Too early, and in progress on a frozen node. */
  tooEarlyOfFrozen = 0;
  tooEarly = 0;
  /** Of the first of those: whose they were, and how long that one had been awake. */
  readonly tooEarlyOf: { run: string; msAwake: number | null; spanMs: number }[] = [];
  /** The shortest span that held one request more than the limit. */
  spanMsMin = Number.POSITIVE_INFINITY;
  readonly #answered: Answered;
  readonly #periods: Periods;
  /** The moments of the newest requests, in a ring. */
  readonly #moments = new Float64Array(RATE_LIMIT.max).fill(Number.NEGATIVE_INFINITY);
  #oldest = 0;
  /** By period: what was taken for in progress on a frozen node. */
  readonly #ofFrozen = new Map<number, number>();

  constructor(key: string, seen: { periods: Periods; repeats: Repeats }) {
    this.publisher = new KeyedPublisher({ key, type: TYPE, room: () => this.#wait() });
    this.#periods = seen.periods;
    this.#answered = new Answered({ name: 'rate', places: NUMBERS, ...seen });
  }

  get missing(): number {
    return Math.max(0, this.publisher.accepted - this.#answered.count);
  }

  record(arrival: Arrival): number {
    const { number } = JSON.parse(arrival.body).data;
    this.requests += 1;
    this.#count(senderOf(arrival.headers['user-agent']));
    if (this.#answered.record(number, arrival, 204)) this.room.grow(-1);
    return 204;
  }

  /** Before each event; the one that is published may arrive before its publish is answered. */
  async #wait(): Promise<void> {
    await this.room.wait();
    this.room.outstanding = this.publisher.accepted + 1 - this.#answered.count;
  }

  #count(run: string): void {
    const now = performance.now();
    const spanMs = now - (this.#moments[this.#oldest] ?? 0);
    const isTooEarly = spanMs < RATE_LIMIT.perMs - DELAY_MS_MAX;
    if (this.#mayBeOfFrozen(run)) {
      // It counts against nobody: the owner of that moment could not know of it.
      if (isTooEarly) this.tooEarlyOfFrozen += 1;
      return;
    }
    if (isTooEarly) this.#tooEarly(run, spanMs);
    this.spanMsMin = Math.min(this.spanMsMin, spanMs);
    this.#moments[this.#oldest] = now;
    this.#oldest = (this.#oldest + 1) % this.#moments.length;
  }

  #tooEarly(run: string, spanMs: number): void {
    this.tooEarly += 1;
    if (this.tooEarlyOf.length === TOLD_MAX) return;
    const msAwake = this.#periods.msAwake(run);
    this.tooEarlyOf.push({ run, msAwake, spanMs: Math.round(spanMs) });
  }

  #mayBeOfFrozen(run: string): boolean {
    const msAwake = this.#periods.msAwake(run);
    if (msAwake === null || msAwake > WAKING_MS) return false;
    const period = this.#periods.of(run);
    const before = this.#ofFrozen.get(period) ?? 0;
    if (before === RATE_CONCURRENCY_MAX) return false;
    this.#ofFrozen.set(period, before + 1);
    return true;
  }
}
