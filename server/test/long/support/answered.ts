import { senderOf } from '../../system/support/nodes.ts';
import type { Arrival } from '../../system/support/receiver.ts';
import type { Periods, Reason } from './periods.ts';

/** More than a few is a defect, whatever can be said of each. */
const UNEXPLAINED_KEPT = 1_000;
const EXAMPLES_SHOWN = 20;

/** One that nothing that was done to a node explains. */
export interface Unexplained {
  what: string;
  deliveryId: string;
  /** The run whose request was answered first. */
  answered: string;
}

/** What came once more after it was answered 2xx, of all receivers together. */
export class Repeats {
  readonly byReason = new Map<string, number>();
  count = 0;
  unexplained = 0;
  /** The first of those. */
  #kept: Unexplained[] = [];

  get kept(): readonly Unexplained[] {
    return this.#kept;
  }

  get examples(): string[] {
    return this.#kept.slice(0, EXAMPLES_SHOWN).map(({ what }) => what);
  }

  explained(reason: string): void {
    this.count += 1;
    this.byReason.set(reason, (this.byReason.get(reason) ?? 0) + 1);
  }

  cannotExplain(repeat: Unexplained): void {
    this.count += 1;
    this.unexplained += 1;
    if (this.#kept.length < UNEXPLAINED_KEPT) this.#kept.push(repeat);
  }

  /** When everything has ended there is more to go by: what nodes said, and what is stored. */
  explainKept(reasonOf: (repeat: Unexplained) => Reason | null): void {
    const kept = this.#kept;
    this.#kept = [];
    this.count -= kept.length;
    this.unexplained -= kept.length;
    for (const repeat of kept) {
      const reason = reasonOf(repeat);
      if (reason === null) this.cannotExplain(repeat);
      else this.explained(reason);
    }
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
    if (before > 0) this.#again(place, before, { run, headers });
    if (status >= 300 || before > 0) return false;
    this.#periodOf[place] = periods.of(run);
    this.count += 1;
    return true;
  }

  #again(
    place: number,
    before: number,
    { run, headers }: Pick<Arrival, 'headers'> & { run: string },
  ): void {
    const { name, periods, repeats } = this.#options;
    const reason = periods.whyAgain(before, run);
    if (reason !== null) repeats.explained(reason);
    else {
      const answered = periods.runOf(before);
      const deliveryId = String(headers['x-webhook-delivery']);
      const what = `${name} ${place}, ${deliveryId}: answered in period ${before} of ${answered}, again by ${run}`;
      repeats.cannotExplain({ what, deliveryId, answered });
    }
  }
}
