import type { Clock, DueDelivery } from '../core/ports.ts';
import type { Lane } from './lane.ts';
import { Turns } from './turns.ts';
import { Wakes } from './wakes.ts';

/** After our own machine had no descriptor or port left, nothing starts for so long. */
const EXHAUSTED_MS = 1_000;
/** A retry that has been due for longer is no longer one that its schedule lets go now. */
const OVERDUE_MS = 1_000;
/** Lanes with a late exchange keep so many in progress, while more than half of all is in use. */
const LATE_IN_FLIGHT_MAX = 2;
/**
 * So many start in one turn of the event loop: answers, outcomes and time-outs have theirs between. It
 * also keeps what is in progress to what this thread can serve: when more answers are ready in a turn
 * than it starts, they would only wait here, each with a connection of its own.
 */
const STARTS_AT_ONCE = 32;
/** What the wall clock keeps back is looked at again so often. */
const LOOK_AGAIN_MS = 60_000;

export interface DispatcherHooks {
  start(lane: Lane, delivery: DueDelivery): void;
  refill(lane: Lane): void;
  /** What came of attempts cannot be written now: nothing new may start. */
  isStuck(): boolean;
}

/**
 * Decides what starts next. A lane is offered whenever something about it has changed; when it can
 * start, it waits for its turn; when only time keeps it back (a hold, its rate, the next probe, the due
 * time of a strict head), it is woken then; and when it waits for a slot of its own, the exchange that
 * ends there offers it again. So nothing is ever searched for.
 */
export class Dispatcher {
  readonly turns: Turns<Lane>;
  readonly #clock: Clock;
  readonly #hooks: DispatcherHooks;
  /** When time lets a lane start, monotonic. */
  readonly #pauses: Wakes<Lane>;
  /** When the store has something due for a lane, by the wall clock. */
  readonly #dues: Wakes<Lane>;
  /** Kept back because one of their exchanges is late. */
  readonly #late = new Set<Lane>();
  #isHeld = false;
  #exhaustedUntil = Number.NEGATIVE_INFINITY;
  /** When starting goes on, monotonic. */
  #goesOnAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, inFlightMax: number, hooks: DispatcherHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
    this.turns = new Turns(inFlightMax);
    const woken = () => this.dispatch();
    this.#pauses = new Wakes<Lane>(clock, {
      by: 'monotonic',
      wake: (lane) => this.offer(lane),
      woken,
    });
    this.#dues = new Wakes<Lane>(clock, {
      by: 'now',
      wake: (lane) => this.#becameDue(lane),
      woken,
    });
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Something about this lane has changed: it may be able to start something. */
  offer(lane: Lane): void {
    if (this.#isHeld || lane.gate !== 'open') return;
    const holdEndsAt = this.#holdEndsAt(lane);
    if (holdEndsAt > this.#now()) {
      // What is due then need not be in memory before.
      this.#pause(lane, holdEndsAt);
      return;
    }
    if (lane.wantsRefill) {
      if (lane.refillsAt > this.#now()) this.#pause(lane, lane.refillsAt);
      else this.#hooks.refill(lane);
    }
    if (lane.turn?.health === lane.receiver.health) return;
    const head = lane.peek();
    if (head === undefined) return;
    if (!lane.hasSlot) {
      lane.receiver.wasLimit ||= lane.inProgress.size >= lane.receiver.slots;
      return;
    }
    const startsAt = this.#startsAt(lane, head);
    if (startsAt > this.#now()) this.#pause(lane, startsAt);
    else this.turns.wait(lane);
  }

  /** Starts what can start, as soon as everything that is ready now has been handled. */
  dispatch(): void {
    this.#goOnAt(Number.NEGATIVE_INFINITY);
  }

  /** Lanes in turn. */
  #startSome(): void {
    if (this.turns.used <= this.turns.max / 2 && this.#late.size > 0) this.#offerLate();
    let left = STARTS_AT_ONCE;
    while (!this.#isHeld && !this.#hooks.isStuck() && !this.#isExhausted()) {
      const now = this.#now();
      const lane = left > 0 ? this.turns.next(now) : undefined;
      if (lane === undefined) {
        const goesOnAt = left > 0 ? this.turns.probesAgainAt(now) : now;
        if (goesOnAt !== null) this.#goOnAt(goesOnAt);
        return;
      }
      if (lane.gate !== 'open') continue;
      if (this.#isLate(lane)) {
        this.#late.add(lane);
        continue;
      }
      const head = lane.peek();
      if (head === undefined || !lane.hasSlot || this.#startsAt(lane, head) > this.#now()) {
        // Something about it has changed while it waited: a hold, or what it kept was given up.
        this.offer(lane);
        continue;
      }
      lane.take();
      this.#hooks.start(lane, head);
      left -= 1;
      this.offer(lane);
    }
  }

  #goOnAt(moment: number): void {
    if (moment >= this.#goesOnAt) return;
    this.#goesOnAt = moment;
    this.#clock.after(Math.max(0, moment - this.#now()), () => {
      // An earlier moment was asked for since.
      if (this.#goesOnAt !== moment) return;
      this.#goesOnAt = Number.POSITIVE_INFINITY;
      this.#startSome();
    });
  }

  /** The store has something due for this lane at that time. */
  dueAt(lane: Lane, at: number): void {
    this.#dues.at(at, lane);
  }

  dueOf(lane: Lane): number | null {
    return this.#dues.momentOf(lane);
  }

  forget(lane: Lane): void {
    this.#dues.forget(lane);
    this.#pauses.forget(lane);
    this.#late.delete(lane);
  }

  /** Our own machine cannot send: nobody's attempt is spent, and nothing starts for a moment. */
  exhausted(): void {
    const now = this.#now();
    if (this.#exhaustedUntil > now) return;
    this.#exhaustedUntil = now + EXHAUSTED_MS;
    this.#clock.after(EXHAUSTED_MS, () => this.dispatch());
  }

  /** Whether this lane cannot send now: it gives up what it keeps in memory before others do. */
  isStuck(lane: Lane): boolean {
    if (lane.gate !== 'open' || !lane.hasSlot || this.turns.isFull(lane.receiver.health))
      return true;
    if (this.#holdEndsAt(lane) > this.#now()) return true;
    const head = lane.peek();
    return head !== undefined && this.#startsAt(lane, head) > this.#now();
  }

  /** Starts nothing any more. */
  hold(): void {
    this.#isHeld = true;
    this.#pauses.stop();
    this.#dues.stop();
  }

  #becameDue(lane: Lane): void {
    // What settles after the gate was closed asks for a wake too; a paused lane reads anew when it opens.
    if (lane.isClosed) return;
    lane.more = true;
    this.offer(lane);
  }

  /** Looked at again then (monotonic), or sooner: a wall clock that is set meanwhile changes the moment. */
  #pause(lane: Lane, until: number): void {
    this.#pauses.at(Math.min(until, this.#now() + LOOK_AGAIN_MS), lane);
  }

  /** The earliest moment (monotonic) at which time alone lets this one start. */
  #startsAt(lane: Lane, head: DueDelivery): number {
    let at = Math.max(this.#holdEndsAt(lane), lane.rateFreeAt);
    const dueAt = head.attemptCount === 0 ? null : this.#monotonicAt(head.dueAt);
    if (dueAt !== null && lane.isStrict) at = Math.max(at, dueAt);
    // A retry goes by its schedule; one that has been due for a while is backlog, and waits for the probe.
    const isBacklog = dueAt === null || this.#now() - dueAt > OVERDUE_MS;
    if (isBacklog) at = Math.max(at, lane.receiver.probeAt);
    return at;
  }

  #holdEndsAt({ heldUntil }: Lane): number {
    return heldUntil === null ? Number.NEGATIVE_INFINITY : this.#monotonicAt(heldUntil);
  }

  /** A moment of the wall clock, as that runs now. */
  #monotonicAt(moment: number): number {
    return this.#now() + moment - this.#clock.now();
  }

  #now(): number {
    return this.#clock.monotonic();
  }

  #isLate(lane: Lane): boolean {
    if (lane.inProgress.size < LATE_IN_FLIGHT_MAX || this.turns.used <= this.turns.max / 2)
      return false;
    const { oldest } = lane.inProgress;
    if (oldest === null) return false;
    return this.#now() - oldest.began > lane.receiver.lateMs;
  }

  #offerLate(): void {
    const lanes = [...this.#late];
    this.#late.clear();
    for (const lane of lanes) this.offer(lane);
  }

  #isExhausted(): boolean {
    return this.#exhaustedUntil > this.#now();
  }
}
