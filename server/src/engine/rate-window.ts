import type { RateLimit } from '../core/model.ts';

/**
 * What the network may delay the first request of a window and not the last: so much later than `perMs`
 * is the next one sent, so that the receiver, too, never sees more than `max` within the span.
 */
export const RATE_MARGIN_MS = 25;

/**
 * A sliding window over send times: at most `max` exchanges begin within any span of `perMs`. Exact,
 * because it remembers the moment of each of the last `max`. Moments are monotonic.
 */
export class RateWindow {
  readonly max: number;
  readonly perMs: number;
  readonly #moments: number[] = [];
  /** Where the oldest is, once there are `max`. */
  #oldest = 0;

  constructor({ max, perMs }: RateLimit) {
    this.max = max;
    this.perMs = perMs;
  }

  /** The earliest moment at which one more may be sent. */
  get freeAt(): number {
    if (this.#moments.length < this.max) return Number.NEGATIVE_INFINITY;
    return (this.#moments[this.#oldest] ?? 0) + this.perMs + RATE_MARGIN_MS;
  }

  /** One was sent at this moment, not before the newest that was. */
  sent(moment: number): void {
    if (this.#moments.length < this.max) {
      this.#moments.push(moment);
      return;
    }
    this.#moments[this.#oldest] = moment;
    this.#oldest = (this.#oldest + 1) % this.max;
  }

  isOf({ max, perMs }: RateLimit): boolean {
    return this.max === max && this.perMs === perMs;
  }
}
