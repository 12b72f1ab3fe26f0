import type { Clock, DueResult, Store } from '../core/ports.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Lane } from './lane.ts';
import type { Prefetch } from './prefetch.ts';

const PAGE_COUNT_MAX = 256;
const PAGE_BYTES_MAX = 2 * 1024 * 1024;
/** When the store cannot be read, or memory is full. */
const RETRY_MS = 500;

/** Reads on for a lane that has more in the store than in memory. */
export class Refills {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #dispatcher: Dispatcher;
  readonly #prefetch: Prefetch<Lane>;
  readonly #ended: (lane: Lane) => void;

  constructor(
    ports: { store: Store; clock: Clock },
    parts: { dispatcher: Dispatcher; prefetch: Prefetch<Lane>; ended: (lane: Lane) => void },
  ) {
    this.#store = ports.store;
    this.#clock = ports.clock;
    this.#dispatcher = parts.dispatcher;
    this.#prefetch = parts.prefetch;
    this.#ended = parts.ended;
  }

  begin(lane: Lane): void {
    if (this.#prefetch.hasRoom()) {
      void this.#refill(lane);
      return;
    }
    this.#putOff(lane);
    this.#dispatcher.offer(lane);
  }

  async #refill(lane: Lane): Promise<void> {
    lane.beginRefill();
    const dueBefore = this.#clock.now();
    const found = await this.#read(lane, dueBefore);
    const isOfUse = lane.endRefill(found?.deliveries ?? []);
    if (!lane.isClosed) lane.more ||= !isOfUse || (found?.more ?? true);
    const wakeAt = found?.nextDueAt ?? null;
    if (found === null) this.#putOff(lane);
    else if (wakeAt !== null && !lane.isClosed) this.#dispatcher.dueAt(lane, wakeAt);
    // Nothing is in the store and nothing here: so much is pending, whatever was counted.
    else if (lane.isUnaccounted && this.#dispatcher.dueOf(lane) === null) lane.pending = 0;
    this.#dispatcher.offer(lane);
    this.#dispatcher.dispatch();
    this.#ended(lane);
  }

  /** By the monotonic clock: the wall clock may be set back by hours meanwhile. */
  #putOff(lane: Lane): void {
    lane.refillsAt = this.#clock.monotonic() + RETRY_MS;
  }

  /** Null when the store could not be read: it is asked again later. */
  async #read(lane: Lane, dueBefore: number): Promise<DueResult | null> {
    const { ordering } = lane;
    const limit = Math.min(PAGE_COUNT_MAX, lane.room);
    const except = lane.heldSeqs();
    const page = { dueBefore, limit, bytesMax: PAGE_BYTES_MAX, except };
    try {
      return await this.#store.due({ ...lane.webhook, ordering, ...page });
    } catch {
      return null;
    }
  }
}
