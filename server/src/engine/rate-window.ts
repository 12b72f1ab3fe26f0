import type { RateLimit } from '../core/model.ts';

/**
 * What the network may delay the first request of a window and not the last: so much later than `perMs`
 * is the next one sent, so that the receiver, too, never sees more than `max` within the span.
 */
export const RATE_MARGIN_MS = 25;

/** With a receiver that answers later a limit is used to nine tenths at least. */
const ARRIVAL_SHARE = 0.1;
const ARRIVAL_MS_MAX = 1_000;

/** To a receiver that answers within so long goes all that its limit allows. */
const ANSWER_MS = 10_000;

/**
 * So many exchanges at once a limit needs. More would not send more, and after a crash each that may have been
 * in progress counts as sent: of a hundred an hour one, and not a hundred.
 */
export function placesOf({ max, perMs }: RateLimit): number {
  return Math.ceil((max * ANSWER_MS) / perMs);
}

/**
 * A sliding window over send times: at most `max` requests arrive within any span of `perMs`. Exact,
 * because it remembers the moment of each of the last `max`, and because one that has been begun and may
 * not have arrived yet takes a place whenever that will be. Moments are monotonic.
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

  /**
   * The earliest moment at which one more may be begun, while so many may not have arrived;
   * infinite when that is for one of those to say.
   */
  freeAt(unarrived: number): number {
    const places = this.max - unarrived;
    if (places <= 0) return Number.POSITIVE_INFINITY;
    const { length } = this.#moments;
    if (length < places) return Number.NEGATIVE_INFINITY;
    const moment = this.#moments[(this.#oldest + length - places) % length] ?? 0;
    return moment + this.perMs + RATE_MARGIN_MS;
  }

  /** A request that is not answered is taken to have arrived so long after it was written. */
  get arrivalMs(): number {
    return Math.min(this.perMs * ARRIVAL_SHARE, ARRIVAL_MS_MAX);
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
