import type { Clock, Store } from '../core/ports.ts';
import type { Lane } from './lane.ts';

const STORE_RETRY_MS = 500;

/**
 * Whether more is pending for a webhook than may be. A lane's own count costs nothing and is never too
 * low for long, but may be too high: what another node made pending is counted when its wake is read,
 * which may be twice, or after it has been delivered. So it only says when the store is to be asked, and
 * what the store says replaces it. One question at a time for each lane, and one costs no more than to
 * count up to the limit.
 */
export class Backlog {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #max: number;
  readonly #full: (lane: Lane) => Promise<void>;
  /** Of lanes that the store is asked about: what was added since. */
  readonly #asking = new Map<Lane, number>();
  /** Of those: what the answer says may not hold any more. */
  readonly #askAgain = new Set<Lane>();

  /** `full` is called when the store has more than the limit. */
  constructor(
    { store, clock }: { store: Store; clock: Clock },
    options: { max: number; full: (lane: Lane) => Promise<void> },
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#max = options.max;
    this.#full = options.full;
  }

  added(lane: Lane, count: number): void {
    lane.pending += count;
    if (lane.isGivenUp) return;
    const before = this.#asking.get(lane);
    if (before !== undefined) this.#asking.set(lane, before + count);
    else if (lane.pending > this.#max) void this.#ask(lane);
  }

  /** Nothing is known of what is pending. */
  recount(lane: Lane): void {
    if (lane.isGivenUp) return;
    if (this.#asking.has(lane)) this.#askAgain.add(lane);
    else void this.#ask(lane);
  }

  async #ask(lane: Lane): Promise<void> {
    this.#asking.set(lane, 0);
    try {
      const counted = await this.#store.countPending(lane.webhook, this.#max + 1);
      if (counted > this.#max) await this.#full(lane);
      // What was added meanwhile may not be in the answer, and what is being settled may have ended in
      // it already and is taken off later: rather too many than too few.
      else lane.pending = counted + (this.#asking.get(lane) ?? 0) + lane.unsettled.size;
    } catch {
      this.#clock.after(STORE_RETRY_MS, () => this.recount(lane));
    } finally {
      this.#asking.delete(lane);
      if (this.#askAgain.delete(lane)) this.recount(lane);
    }
  }
}
