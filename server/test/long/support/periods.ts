import type { Fate } from '../../system/support/nodes.ts';

/** From when a run of a node begins, or goes on after it was frozen, until something happens to it. */
interface Period {
  run: string;
  endedBy: Fate | null;
  /** When it woke, by `performance.now()`; null for the first period of a run. */
  wokeAt: number | null;
}

/** Why an event that was answered 2xx may be sent once more. */
export type Reason =
  | 'a killed node had not written the answer down'
  | 'a frozen node had not written the answer down'
  | 'a frozen node had it in progress'
  | 'a node that had lost the shard had not written the answer down'
  | 'the answer was not heard in time';

/** An attempt's time-out: what a node had in progress when it was frozen has ended so long after it woke. */
const IN_PROGRESS_MS_MAX = 15_000;
const RUNS_MAX = 2 ** 16 - 1;

/** What happened to which run of a node, and when. A period has a small number, from 1. */
export class Periods {
  readonly #periods: Period[] = [];
  readonly #newest = new Map<string, number>();

  /** The period that this run is in. */
  of(run: string): number {
    return this.#newest.get(run) ?? this.#begin(run, null);
  }

  /** Whose period it is. */
  runOf(period: number): string {
    return this.#at(period).run;
  }

  /** Said before it happens. */
  ends(run: string, fate: Fate): void {
    this.#at(this.of(run)).endedBy = fate;
  }

  wakes(run: string): void {
    this.#begin(run, performance.now());
  }

  msAwake(run: string): number | null {
    const { wokeAt } = this.#at(this.of(run));
    return wokeAt === null ? null : performance.now() - wokeAt;
  }

  /** Why what was answered in one period is sent again in another; null: it must not be. */
  whyAgain(answered: number, again: string): Reason | null {
    const { endedBy } = this.#at(answered);
    if (endedBy === 'killed') return 'a killed node had not written the answer down';
    if (endedBy === 'frozen') return 'a frozen node had not written the answer down';
    const msAwake = this.msAwake(again);
    const mayBeOld = msAwake !== null && msAwake < IN_PROGRESS_MS_MAX;
    return mayBeOld ? 'a frozen node had it in progress' : null;
  }

  #begin(run: string, wokeAt: number | null): number {
    if (this.#periods.length === RUNS_MAX) throw new RangeError('too many periods');
    const number = this.#periods.push({ run, endedBy: null, wokeAt });
    this.#newest.set(run, number);
    return number;
  }

  #at(number: number): Period {
    const period = this.#periods[number - 1];
    if (period === undefined) throw new RangeError(`there is no period ${number}`);
    return period;
  }
}
