import type { Ordering } from '../core/model.ts';
import type { DueDelivery, LaneRef, WebhookRef } from '../core/ports.ts';
import { Fifo } from './fifo.ts';
import type { Flight, Progress } from './flight.ts';
import { LinkedList } from './linked-list.ts';
import type { Prefetch } from './prefetch.ts';
import type { RateWindow } from './rate-window.ts';
import { ReceiverState } from './receiver-state.ts';
import type { Sender } from './sender.ts';
import type { Tenure } from './tenures.ts';
import type { WaitingTurn } from './turns.ts';

/** How much of one lane is kept in memory; the rest waits in the store. */
export const PREFETCH_COUNT_MAX = 512;
export const PREFETCH_BYTES_MAX = 4 * 1024 * 1024;
/** The same for one that has not shown that it is well, or sends one at a time. */
export const PREFETCH_COUNT_SLOW = 32;
export const PREFETCH_BYTES_SLOW = 512 * 1024;
/** One that gets few at a time keeps so many for each: a thousand dead webhooks fill no memory. */
const PREFETCH_TIMES_SLOTS = 4;
const PREFETCH_COUNT_PROBING = 8;
/** A lane that waits in the store reads on when a quarter is left. */
const PREFETCH_LOW = 1 / 4;
/**
 * Ended and not settled yet, and in progress: more are not begun, because a crash would repeat them. With
 * fewer (128) a lane at full speed waited for commits, and read again from the store what it had no room for.
 */
const UNSETTLED_MAX = 512;

/**
 * A webhook's queue on the node that owns it: what is pending and due, as far as it is in memory.
 *
 * States of `gate`:
 * - `loading`: the webhook's settings are being read; nothing starts.
 * - `open`: deliveries start as the bounds allow.
 * - `paused`: the owner paused it; nothing is kept in memory, what is pending waits in the store.
 * - `ended`: disabled or deleted; what is pending is being cancelled.
 * - `leaving`: its shard is being given up; nothing starts any more, and what is in progress is settled.
 * - `lost`: its shard is not owned any more, and nobody finds the lane; what is in progress goes on, and
 *   nothing follows from it here.
 * Only `gates.ts` changes them, after it has read the webhook.
 *
 * Each delivery is in `held` from when it is handed over or read until its settlement has committed,
 * so that a read of the store cannot bring in again what is here already.
 */
export class Lane {
  readonly webhook: WebhookRef;
  /** In which it was made, and outside of which it is nothing. */
  readonly tenure: Tenure;
  gate: 'loading' | 'open' | 'paused' | 'ended' | 'leaving' | 'lost' = 'loading';
  /** Counts the reads of the webhook: only the newest decides. */
  reads = 0;
  sender: Sender | null = null;
  /** Where the receiver is, or was when the lane was last open. */
  url: string | null = null;
  ordering: Ordering = 'none';
  schedule: readonly number[] = [];
  disablesWhenGone = false;
  receiver = new ReceiverState(null, 1);
  rate: RateWindow | null = null;
  /** The most that the owner before may have had in progress; null before the webhook was read. */
  unrecorded: number | null = null;
  /** Nothing starts before (wall clock): the receiver asked for it. */
  heldUntil: number | null = null;
  /** Exchanges in progress with the receiver of now, oldest first. */
  inProgress = new LinkedList<Progress>();
  /** Begun under a rate limit, and not known to have arrived. */
  readonly unarrived = new Set<Flight>();
  /** Attempts that have begun and are not settled; what is in progress is among them. */
  readonly unsettled = new LinkedList<Flight>();
  /** Deliveries that are pending, here and in the store; what others made or cancelled makes it inexact. */
  pending = 0;
  /** More may be due in the store than is here. */
  more = false;
  /** It is not read before (monotonic): the store could not be read, or memory was full. */
  refillsAt = Number.NEGATIVE_INFINITY;
  /** Where it waits for its turn; null while it does not. */
  turn: WaitingTurn | null = null;
  /** Never tried; in a strict lane whatever is pending, oldest first. */
  readonly #fresh = new Fifo<DueDelivery>();
  /** To be tried again, and due. */
  readonly #again = new Fifo<DueDelivery>();
  /** By their places in the order of acceptance. */
  readonly #held = new Set<number>();
  readonly #prefetch: Prefetch<Lane>;
  #heldBytes = 0;
  /** What was settled or cancelled while a refill was on its way: its answer may still name them. */
  #endedDuringRefill: Set<string> | null = null;
  /** Since a refill began the lane has given up what it had: it was closed, or has another order. */
  #isRefillStale = false;
  #whenQuiet: PromiseWithResolvers<void> | null = null;

  constructor(webhook: WebhookRef, tenure: Tenure, prefetch: Prefetch<Lane>) {
    this.webhook = webhook;
    this.tenure = tenure;
    this.#prefetch = prefetch;
  }

  /** What is learned of the receiver now is learned of this. */
  get ref(): LaneRef {
    const { epoch } = this.tenure;
    return { ...this.webhook, epoch, ...(this.url === null ? {} : { url: this.url }) };
  }

  get waiting(): number {
    return this.#fresh.size + this.#again.size;
  }

  get isStrict(): boolean {
    return this.ordering === 'strict';
  }

  /** How many more it may keep; none when it has as many bytes as it may. */
  get room(): number {
    if (this.#heldBytes >= (this.#isSlow ? PREFETCH_BYTES_SLOW : PREFETCH_BYTES_MAX)) return 0;
    if (!this.#isSlow) return Math.max(0, PREFETCH_COUNT_MAX - this.#held.size);
    const room = PREFETCH_COUNT_SLOW - this.#held.size;
    if (this.isStrict) return Math.max(0, room);
    const forSlots = Math.max(PREFETCH_COUNT_PROBING, PREFETCH_TIMES_SLOTS * this.receiver.slots);
    return Math.max(0, Math.min(room, forSlots - this.waiting));
  }

  get #isSlow(): boolean {
    return this.isStrict || this.receiver.health !== 'proven';
  }

  get isRefilling(): boolean {
    return this.#endedDuringRefill !== null;
  }

  get wantsRefill(): boolean {
    if (this.gate !== 'open' || !this.more || this.isRefilling || this.room === 0) return false;
    // A strict lane reads again only when it has nothing: what it has is the oldest there is.
    if (this.isStrict) return this.#held.size === 0;
    return (
      this.waiting <= PREFETCH_COUNT_SLOW * PREFETCH_LOW || this.waiting <= this.room * PREFETCH_LOW
    );
  }

  /** The receiver may get one more at once. */
  get hasSlot(): boolean {
    const slots = this.isStrict ? 1 : this.receiver.slots;
    if (this.inProgress.size >= slots) return false;
    // A rate and an order are kept over a crash only by what has been written.
    const isExact = this.isStrict || this.rate !== null;
    return this.unsettled.size < (isExact ? slots : UNSETTLED_MAX);
  }

  /** When its rate lets one more be begun (monotonic). */
  get rateFreeAt(): number {
    return this.rate?.freeAt(this.unarrived.size) ?? Number.NEGATIVE_INFINITY;
  }

  /** Nothing is kept in memory and nothing starts; it reads everything again when it opens. */
  get isClosed(): boolean {
    return this.gate === 'paused' || this.gate === 'ended' || this.isGivenUp;
  }

  /** It starts nothing for ever. */
  get isGivenUp(): boolean {
    return this.gate === 'leaving' || this.gate === 'lost';
  }

  /** Nothing here and nothing known in the store: the lane itself can be forgotten. */
  get isIdle(): boolean {
    return (
      this.#held.size === 0 &&
      this.pending === 0 &&
      !this.more &&
      !this.isRefilling &&
      this.gate !== 'loading'
    );
  }

  /** It counts something that is neither here nor known to be in the store: what others did, or it has ended. */
  get isUnaccounted(): boolean {
    if (this.gate !== 'open' || this.isRefilling || this.more) return false;
    return this.pending > 0 && this.#held.size === 0;
  }

  /** One that was pending has ended. What ended with its webhook is not counted here a second time. */
  endedOne(): void {
    this.pending = Math.max(0, this.pending - 1);
  }

  heldSeqs(): number[] {
    return [...this.#held];
  }

  enqueue(delivery: DueDelivery): void {
    if (this.#held.has(delivery.seq) || this.#endedDuringRefill?.has(delivery.id)) return;
    const bytes = delivery.event.body.length;
    this.#held.add(delivery.seq);
    this.#heldBytes += bytes;
    this.#queueOf(delivery).push(delivery);
    this.#prefetch.keep(this, bytes);
  }

  /** The one that is next: what is to be tried again goes first. */
  peek(): DueDelivery | undefined {
    return this.#again.peek() ?? this.#fresh.peek();
  }

  /** Takes the next one; it stays held until `release`. */
  take(): DueDelivery | undefined {
    const delivery = this.#again.shift() ?? this.#fresh.shift();
    if (delivery !== undefined) this.#prefetch.letGo(this, delivery.event.body.length);
    return delivery;
  }

  /** Nothing of it is to be settled any more. */
  settle(flight: Flight): void {
    this.unsettled.remove(flight);
    if (this.unsettled.size === 0) this.#whenQuiet?.resolve();
  }

  /** Fulfilled when all that has begun is settled. Nothing begins meanwhile. */
  async quiet(): Promise<void> {
    if (this.unsettled.size === 0) return;
    this.#whenQuiet ??= Promise.withResolvers<void>();
    await this.#whenQuiet.promise;
  }

  /** Its settlement has committed, or it was cancelled. */
  release(delivery: DueDelivery): void {
    if (!this.#held.delete(delivery.seq)) return;
    this.#heldBytes -= delivery.event.body.length;
    this.#endedDuringRefill?.add(delivery.id);
  }

  /**
   * It was in progress and is still pending. The store knows whether that is so and, for a strict lane,
   * which one is the head now: it is read again from there, before anything behind it.
   */
  readAgain(delivery: DueDelivery): void {
    this.release(delivery);
    if (this.isStrict) this.dropWaiting();
    if (!this.isClosed) this.more = true;
  }

  /** It was cancelled in the store: it does not start any more. */
  cancel(deliveryId: string): void {
    this.#endedDuringRefill?.add(deliveryId);
    for (const flight of this.unsettled) {
      if (flight.delivery.id === deliveryId) flight.isCancelled = true;
    }
    const isIt = ({ id }: DueDelivery) => id === deliveryId;
    const waiting = this.#again.remove(isIt) ?? this.#fresh.remove(isIt);
    if (waiting === undefined) return;
    this.release(waiting);
    this.#prefetch.letGo(this, waiting.event.body.length);
  }

  /** Gives up what has not started, and what is being read: the store has it. */
  dropWaiting(): void {
    this.#isRefillStale = true;
    for (let one = this.take(); one !== undefined; one = this.take()) {
      this.#held.delete(one.seq);
      this.#heldBytes -= one.event.body.length;
    }
  }

  beginRefill(): void {
    // Cleared before the read, not after: what arrives meanwhile and finds no room sets it again.
    this.more = false;
    this.#endedDuringRefill = new Set();
    this.#isRefillStale = false;
  }

  /** Answers false when the lane has become another since it was asked for: it has to be read again. */
  endRefill(deliveries: readonly DueDelivery[]): boolean {
    if (!this.#isRefillStale) for (const delivery of deliveries) this.enqueue(delivery);
    this.#endedDuringRefill = null;
    return !this.#isRefillStale;
  }

  #queueOf({ attemptCount }: DueDelivery): Fifo<DueDelivery> {
    return attemptCount > 0 && !this.isStrict ? this.#again : this.#fresh;
  }
}
