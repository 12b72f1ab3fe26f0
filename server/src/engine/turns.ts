import type { LaneHealth } from '../core/model.ts';
import { Fifo } from './fifo.ts';

/** Of all exchanges in progress: those of lanes never tried, and of failing ones. */
const NEW_SHARE = 1 / 3;
const FAILING_SHARE = 1 / 12;
/** One account holds at most so much of a bound while others wait for it. */
const ACCOUNT_SHARE = 1 / 4;

/** What the dispatcher has to know of a lane. */
export interface Turn {
  readonly webhook: { accountId: string };
  readonly receiver: { health: LaneHealth };
  /** The bound it waits for; null while it does not. */
  waitsAs: LaneHealth | null;
}

/** The lanes of one account that wait for one bound. */
interface AccountTurns {
  bound: Bound;
  accountId: string;
  lanes: Fifo<Turn>;
  inFlight: number;
  isWaiting: boolean;
}

interface Bound {
  max: number;
  used: number;
  accounts: Map<string, AccountTurns>;
  waiting: Fifo<AccountTurns>;
}

/** A place among the exchanges in progress; given back with `end`. */
export type Place = AccountTurns;

/**
 * Whose turn it is. A lane that can start waits for the bound of its kind: proven, new or failing;
 * proven ones first. Within a bound accounts take turns, and within an account its lanes. A bound that
 * is full is passed over at no cost, however many wait for it.
 */
export class Turns<Lane extends Turn> {
  readonly max: number;
  #used = 0;
  readonly #bounds: Record<LaneHealth, Bound>;

  constructor(inFlightMax: number) {
    this.max = inFlightMax;
    this.#bounds = {
      proven: boundOf(inFlightMax),
      new: boundOf(Math.max(1, Math.floor(inFlightMax * NEW_SHARE))),
      failing: boundOf(Math.max(1, Math.floor(inFlightMax * FAILING_SHARE))),
    };
  }

  get used(): number {
    return this.#used;
  }

  /** Whether no lane of that kind can start anything now. */
  isFull(health: LaneHealth): boolean {
    const { used, max } = this.#bounds[health];
    return used >= max || this.#used >= this.max;
  }

  /** It has something to start; it may be in only once. */
  wait(lane: Lane): void {
    lane.waitsAs = lane.receiver.health;
    const turns = accountTurns(this.#bounds[lane.receiver.health], lane.webhook.accountId);
    turns.lanes.push(lane);
    if (turns.isWaiting) return;
    turns.isWaiting = true;
    turns.bound.waiting.push(turns);
  }

  /** The next lane that may start something, or undefined when none may now. */
  next(): Lane | undefined {
    if (this.#used >= this.max) return undefined;
    for (const health of ORDER) {
      for (let lane = this.#nextOf(health); lane !== undefined; ) {
        lane.waitsAs = null;
        if (lane.receiver.health === health) return lane;
        // An exchange of it has ended since: it belongs to another bound now.
        this.wait(lane);
        lane = this.#nextOf(health);
      }
    }
    return undefined;
  }

  /** Only lanes of this kind were ever let in. */
  #nextOf(health: LaneHealth): Lane | undefined {
    return nextOf(this.#bounds[health]) as Lane | undefined;
  }

  begin(lane: Lane): Place {
    const place = accountTurns(this.#bounds[lane.receiver.health], lane.webhook.accountId);
    this.#used += 1;
    place.bound.used += 1;
    place.inFlight += 1;
    return place;
  }

  end(place: Place): void {
    this.#used -= 1;
    place.bound.used -= 1;
    place.inFlight -= 1;
    if (place.inFlight === 0 && !place.isWaiting) leave(place.bound, place);
  }
}

const ORDER = ['proven', 'new', 'failing'] as const satisfies readonly LaneHealth[];

function nextOf(bound: Bound): Turn | undefined {
  if (bound.used >= bound.max) return undefined;
  const accountMax = Math.max(1, bound.max * ACCOUNT_SHARE);
  for (let left = bound.waiting.size; left > 0; left--) {
    const turns = bound.waiting.shift();
    if (turns === undefined) return undefined;
    if (turns.inFlight >= accountMax && bound.waiting.size > 0) {
      bound.waiting.push(turns);
      continue;
    }
    const lane = turns.lanes.shift();
    if (turns.lanes.size > 0) bound.waiting.push(turns);
    else leave(bound, turns);
    if (lane !== undefined) return lane;
  }
  return undefined;
}

function leave(bound: Bound, turns: AccountTurns): void {
  turns.isWaiting = false;
  if (turns.inFlight === 0) bound.accounts.delete(turns.accountId);
}

function boundOf(max: number): Bound {
  return { max, used: 0, accounts: new Map(), waiting: new Fifo() };
}

function accountTurns(bound: Bound, accountId: string): AccountTurns {
  let turns = bound.accounts.get(accountId);
  if (turns === undefined) {
    turns = { bound, accountId, lanes: new Fifo(), inFlight: 0, isWaiting: false };
    bound.accounts.set(accountId, turns);
  }
  return turns;
}
