import type { LaneHealth } from '../core/model.ts';
import { Fifo } from './fifo.ts';
import { ProbePace } from './probe-pace.ts';

/** Of all exchanges in progress: those of lanes never tried, and of failing ones. */
const NEW_SHARE = 1 / 3;
const FAILING_SHARE = 1 / 12;
/** One account holds at most so much of a bound while others wait for it. */
const ACCOUNT_SHARE = 1 / 4;

/** What the dispatcher has to know of a lane. */
export interface Turn {
  readonly webhook: { accountId: string };
  readonly receiver: { health: LaneHealth; isProbing: boolean };
  /** Where it waits; null while it does not. Only this file sets it. */
  turn: WaitingTurn | null;
}

/** A lane's place in the row for one bound. One that is not its lane's `turn` any more is passed over. */
export interface WaitingTurn {
  lane: Turn;
  health: LaneHealth;
}

/** The lanes of one account that wait for one bound. */
interface AccountTurns {
  bound: Bound;
  accountId: string;
  turns: Fifo<WaitingTurn>;
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
 * is full is passed over at no cost, however many wait for it; so are the failing ones while as many
 * probes have begun as may at a time.
 */
export class Turns<Lane extends Turn> {
  readonly max: number;
  #used = 0;
  readonly #bounds: Record<LaneHealth, Bound>;
  readonly #probes = new ProbePace();

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

  /**
   * It has something to start. One that waits already stays where it is, unless it has become another
   * kind: a receiver that is well again does not wait until a failing one has ended.
   */
  wait(lane: Lane): void {
    const { health } = lane.receiver;
    if (lane.turn?.health === health) return;
    lane.turn = { lane, health };
    const account = accountTurns(this.#bounds[health], lane.webhook.accountId);
    account.turns.push(lane.turn);
    if (account.isWaiting) return;
    account.isWaiting = true;
    account.bound.waiting.push(account);
  }

  /** The next lane that may start something, or undefined when none may now (monotonic). */
  next(now: number): Lane | undefined {
    if (this.#used >= this.max) return undefined;
    for (const health of ORDER) {
      if (health === 'failing' && !this.#probes.hasOne(now)) break;
      for (let lane = this.#nextOf(health); lane !== undefined; ) {
        lane.turn = null;
        if (lane.receiver.health === health) return lane;
        // An exchange of it has ended since: it belongs to another bound now.
        this.wait(lane);
        lane = this.#nextOf(health);
      }
    }
    return undefined;
  }

  /** When failing lanes that wait may start again, if only the pace of probes keeps them; else null. */
  probesAgainAt(now: number): number | null {
    const { waiting, used, max } = this.#bounds.failing;
    const waitForPace = waiting.size > 0 && used < max && this.#used < this.max;
    return waitForPace && !this.#probes.hasOne(now) ? this.#probes.moreAt : null;
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
    if (lane.receiver.isProbing) this.#probes.spend();
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
    const account = bound.waiting.shift();
    if (account === undefined) return undefined;
    if (account.inFlight >= accountMax && bound.waiting.size > 0) {
      bound.waiting.push(account);
      continue;
    }
    const lane = shiftLane(account.turns);
    if (account.turns.size > 0) bound.waiting.push(account);
    else leave(bound, account);
    if (lane !== undefined) return lane;
  }
  return undefined;
}

function shiftLane(turns: Fifo<WaitingTurn>): Turn | undefined {
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
    if (turn.lane.turn === turn) return turn.lane;
  }
  return undefined;
}

function leave(bound: Bound, account: AccountTurns): void {
  account.isWaiting = false;
  if (account.inFlight === 0) bound.accounts.delete(account.accountId);
}

function boundOf(max: number): Bound {
  return { max, used: 0, accounts: new Map(), waiting: new Fifo() };
}

function accountTurns(bound: Bound, accountId: string): AccountTurns {
  let account = bound.accounts.get(accountId);
  if (account === undefined) {
    account = { bound, accountId, turns: new Fifo(), inFlight: 0, isWaiting: false };
    bound.accounts.set(accountId, account);
  }
  return account;
}
