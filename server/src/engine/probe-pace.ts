const EVERY_MS = 50;
const AT_ONCE = 10;

/**
 * How many probes begin, of all receivers that fail: ten in 50 ms. A probe costs what an exchange and
 * its settlement cost, so a thousand dead receivers that are each probed once a second took a fifth of
 * a small machine; in groups they share a commit, and no group is long enough to be felt.
 */
export class ProbePace {
  #endsAt = Number.NEGATIVE_INFINITY;
  #left = 0;

  /** Whether one more may begin now (monotonic). */
  hasOne(now: number): boolean {
    if (now >= this.#endsAt) {
      this.#endsAt = now + EVERY_MS;
      this.#left = AT_ONCE;
    }
    return this.#left > 0;
  }

  /** When there are more again. */
  get moreAt(): number {
    return this.#endsAt;
  }

  spend(): void {
    this.#left -= 1;
  }
}
