import type { Clock, Timer } from '../core/ports.ts';
import { DueHeap } from './due-heap.ts';

/** A wall clock may be set meanwhile: a moment further away is looked at again after so long. */
const LOOK_AGAIN_MS = 60_000;
const STALE_MAX = 1_024;

/**
 * When to look at something again: one heap and one timer, however many wait. Each has one moment, the
 * earliest that was asked for; waking forgets it.
 */
export class Wakes<Item> {
  #heap = new DueHeap<Item>();
  readonly #moments = new Map<Item, number>();
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #wake: (item: Item) => void;
  readonly #woken: () => void;
  #timer: Timer | null = null;
  #timerAt = Number.POSITIVE_INFINITY;
  #isStopped = false;

  /** `wake` is called for each whose moment has come, then `woken` once. */
  constructor(
    clock: Clock,
    options: { by: 'now' | 'monotonic'; wake: (item: Item) => void; woken: () => void },
  ) {
    this.#clock = clock;
    this.#now = options.by === 'now' ? () => clock.now() : () => clock.monotonic();
    this.#wake = options.wake;
    this.#woken = options.woken;
  }

  /** When this one is woken; null when it is not. */
  momentOf(item: Item): number | null {
    return this.#moments.get(item) ?? null;
  }

  /** Not later than at this moment. */
  at(moment: number, item: Item): void {
    const known = this.#moments.get(item);
    if (known !== undefined && known <= moment) return;
    this.#moments.set(item, moment);
    this.#heap.push(moment, item);
    if (this.#heap.size > STALE_MAX + 4 * this.#moments.size) this.#compact();
    if (moment < this.#timerAt) this.#watch();
  }

  forget(item: Item): void {
    // What stands in the heap no longer agrees with this, and is passed over.
    this.#moments.delete(item);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Moments that hold no more stay in the heap until they have come: not without end. */
  #compact(): void {
    this.#heap = new DueHeap<Item>();
    for (const [item, moment] of this.#moments) this.#heap.push(moment, item);
  }

  #watch(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const next = this.#heap.peek();
    if (next === undefined || this.#isStopped) return;
    const delayMs = Math.max(0, next.at - this.#now());
    this.#timerAt = next.at;
    this.#timer = this.#clock.after(Math.min(delayMs, LOOK_AGAIN_MS), () => this.#ring());
  }

  #ring(): void {
    const now = this.#now();
    let any = false;
    // What is asked for meanwhile is watched at the end.
    this.#timerAt = Number.NEGATIVE_INFINITY;
    for (let next = this.#heap.peek(); next !== undefined && next.at <= now; ) {
      this.#heap.pop();
      if (this.#moments.get(next.item) === next.at) {
        this.#moments.delete(next.item);
        this.#wake(next.item);
        any = true;
      }
      next = this.#heap.peek();
    }
    this.#watch();
    if (any) this.#woken();
  }
}
