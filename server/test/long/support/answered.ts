import { senderOf } from '../../system/support/nodes.ts';
import type { Arrival } from '../../system/support/receiver.ts';
import type { Periods } from './periods.ts';

const UNEXPLAINED_KEPT = 20;

/** What came once more after it was answered 2xx, of all receivers together. */
export class Repeats {
  readonly byReason = new Map<string, number>();
  count = 0;
  unexplained = 0;
  /** The first of those. */
  readonly examples: string[] = [];

  explained(reason: string): void {
    this.count += 1;
    this.byReason.set(reason, (this.byReason.get(reason) ?? 0) + 1);
  }

  cannotExplain(what: string): void {
    this.count += 1;
    this.unexplained += 1;
    if (this.examples.length < UNEXPLAINED_KEPT) this.examples.push(what);
  }
}

export interface AnsweredOptions {
  name: string;
  /** Places are from 0 and below it. */
  places: number;
  periods: Periods;
  repeats: Repeats;
}

/**
 * In which period each place, an event at one receiver, was first answered 2xx: two bytes a place, so
 * that a million events take a few megabytes.
 */
export class Answered {
  /** Places that were answered. */
  count = 0;
  readonly #options: AnsweredOptions;
  readonly #periodOf: Uint16Array;

  constructor(options: AnsweredOptions) {
    this.#options = options;
    this.#periodOf = new Uint16Array(options.places);
  }

  has(place: number): boolean {
    return this.#periodOf[place] !== 0;
  }

  /** Answers whether it is the first 2xx of this place. Its sender is known by its `User-Agent`. */
  record(place: number, { headers }: Arrival, status: number): boolean {
    const { name, places, periods } = this.#options;
    if (!(place >= 0 && place < places)) throw new RangeError(`${name} has no place ${place}`);
    const run = senderOf(headers['user-agent']);
    const before = this.#periodOf[place] ?? 0;
    if (before > 0) this.#again(place, before, run);
    if (status >= 300 || before > 0) return false;
    this.#periodOf[place] = periods.of(run);
    this.count += 1;
    return true;
  }

  #again(place: number, before: number, run: string): void {
    const { name, periods, repeats } = this.#options;
    const reason = periods.whyAgain(before, run);
    if (reason !== null) repeats.explained(reason);
    else repeats.cannotExplain(`${name} ${place}: answered in period ${before}, again by ${run}`);
  }
}
