import type { DueDelivery, WebhookRef } from '../core/ports.ts';
import { Fifo } from './fifo.ts';
import type { Sender } from './sender.ts';

/** How much of one lane is kept in memory; the rest waits in the store. */
export const PREFETCH_COUNT_MAX = 512;
export const PREFETCH_BYTES_MAX = 4 * 1024 * 1024;
/** A lane that waits in the store reads on when so few are left. */
const PREFETCH_LOW = 128;

/**
 * A webhook's queue on the node that owns it: what is pending and due, as far as it is in memory.
 *
 * States of `gate`:
 * - `loading`: the webhook's settings are being read; nothing starts.
 * - `open`: deliveries start as the bounds allow.
 * - `paused`: the owner paused it; nothing is kept in memory, what is pending waits in the store.
 * - `ended`: disabled or deleted; what is pending is being cancelled.
 * Only the engine changes them, after it has read the webhook.
 *
 * Each delivery is in `held` from when it is handed over or read until its settlement has committed,
 * so that a read of the store cannot bring in again what is here already.
 */
export class Lane {
  readonly webhook: WebhookRef;
  gate: 'loading' | 'open' | 'paused' | 'ended' = 'loading';
  /** Counts the reads of the webhook: only the newest decides. */
  reads = 0;
  sender: Sender | null = null;
  /** Due now and not started, oldest first. */
  readonly #queue = new Fifo<DueDelivery>();
  readonly #held = new Map<number, DueDelivery>();
  #heldBytes = 0;
  inFlight = 0;
  /** More may be due in the store than is here. */
  more = false;
  /** The dispatcher has it in its queue of lanes. */
  isOffered = false;
  /** What was settled while a refill was on its way: its answer may still name them. */
  #settledDuringRefill: Set<number> | null = null;
  /** When the store's next delivery that was not due yet will be. */
  nextDueAt: number | null = null;

  constructor(webhook: WebhookRef) {
    this.webhook = webhook;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  get isFull(): boolean {
    return this.#held.size >= PREFETCH_COUNT_MAX || this.#heldBytes >= PREFETCH_BYTES_MAX;
  }

  get isRefilling(): boolean {
    return this.#settledDuringRefill !== null;
  }

  get wantsRefill(): boolean {
    return this.gate === 'open' && this.more && !this.isRefilling && this.waiting <= PREFETCH_LOW;
  }

  /** Nothing here and nothing known in the store: the lane itself can be forgotten. */
  get isIdle(): boolean {
    return (
      this.#held.size === 0 &&
      !this.more &&
      !this.isRefilling &&
      this.nextDueAt === null &&
      this.gate !== 'loading'
    );
  }

  heldSeqs(): number[] {
    return [...this.#held.keys()];
  }

  enqueue(delivery: DueDelivery): void {
    if (this.#held.has(delivery.seq) || this.#settledDuringRefill?.has(delivery.seq)) return;
    this.#held.set(delivery.seq, delivery);
    this.#heldBytes += delivery.event.body.length;
    this.#queue.push(delivery);
  }

  /** The oldest waiting one; it stays held until `release`. */
  take(): DueDelivery | undefined {
    return this.#queue.shift();
  }

  /** Its settlement has committed. */
  release(delivery: DueDelivery): void {
    if (!this.#held.delete(delivery.seq)) return;
    this.#heldBytes -= delivery.event.body.length;
    this.#settledDuringRefill?.add(delivery.seq);
  }

  /** Gives up what has not started: the store has it. */
  dropWaiting(): void {
    for (const delivery of this.#queue.drain()) {
      this.#held.delete(delivery.seq);
      this.#heldBytes -= delivery.event.body.length;
    }
  }

  beginRefill(): void {
    // Cleared before the read, not after: what arrives meanwhile and finds no room sets it again.
    this.more = false;
    this.#settledDuringRefill = new Set();
  }

  endRefill(deliveries: readonly DueDelivery[]): void {
    for (const delivery of deliveries) this.enqueue(delivery);
    this.#settledDuringRefill = null;
  }
}
