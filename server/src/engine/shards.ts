import type { Clock, Store, TakenShard } from '../core/ports.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Gates } from './gates.ts';
import type { Lane } from './lane.ts';
import type { LaneMemories } from './lane-memories.ts';
import type { Recoveries } from './recoveries.ts';
import type { Tenure, Tenures } from './tenures.ts';

const LOAD_PAGE = 1_000;
/**
 * What an earlier owner may have sent counts in a rate limit for its whole span, an hour at most. A shard
 * that moves on within it takes that along: its next owner counts it again.
 */
const UNRECORDED_MS = 60 * 60_000;

export interface ShardParts {
  tenures: Tenures;
  gates: Gates;
  dispatcher: Dispatcher;
  recoveries: Recoveries;
  memories: LaneMemories;
}

/**
 * The coming and going of shards. Each is, for this engine,
 *
 * - not owned: its webhooks have no lanes, and what is said of them is ignored;
 * - owned: from `own`, which then loads what is pending;
 * - leaving: from `release`; first the lanes that are not known to be well start nothing any more, while
 *   the others go on, and when nothing of those is in progress, none does: so that a shard with one
 *   receiver that hangs stands still for a moment, and not until that one has timed out;
 * - not owned again, when it was released or lost. What is still in progress then goes on and is settled
 *   under the epoch under which it was begun: the store knows whether that still counts.
 */
export class Shards {
  readonly #ports: { store: Store; clock: Clock };
  readonly #parts: ShardParts;

  constructor(ports: { store: Store; clock: Clock }, parts: ShardParts) {
    this.#ports = ports;
    this.#parts = parts;
  }

  /** From now on they are this engine's. May be asked again with the same ones, when it rejects. */
  async own(taken: readonly TakenShard[]): Promise<void> {
    for (const one of taken) this.#begin(one);
    await this.#load(taken.map(({ shard }) => shard));
  }

  /**
   * Gives them up; answers which of them had nothing in progress at the end, so that it is all on record.
   */
  async release(shards: readonly number[], limitMs: number): Promise<number[]> {
    const endsAt = this.#ports.clock.monotonic() + limitMs;
    const drained = await Promise.all(shards.map((shard) => this.#release(shard, endsAt)));
    return shards.filter((_, index) => drained[index]);
  }

  /** Somebody else owns them, or may. */
  lose(shards: readonly number[]): void {
    const { tenures, gates } = this.#parts;
    for (const shard of shards) {
      tenures.end(shard);
      for (const lane of gates.lanesOf(shard)) gates.lose(lane);
    }
  }

  /** What was begun in this tenure does not count any more: so it is over. */
  fenced({ shard, epoch }: Tenure): void {
    if (this.#parts.tenures.get(shard)?.epoch === epoch) this.lose([shard]);
  }

  #begin(taken: TakenShard): void {
    const { tenures } = this.#parts;
    if (tenures.get(taken.shard)?.epoch === taken.epoch) return;
    this.lose([taken.shard]);
    tenures.begin(taken, this.#ports.clock.monotonic());
  }

  async #load(shards: readonly number[]): Promise<void> {
    const { store } = this.#ports;
    const { gates, dispatcher, tenures, recoveries } = this.#parts;
    let after = null;
    do {
      const page = await store.webhooksWithPending({
        after,
        limit: LOAD_PAGE,
        counts: true,
        shards,
      });
      for (const { dueAt, count, ...webhook } of page.items) {
        // Undefined when the shard was lost meanwhile.
        const lane = gates.laneOf(webhook);
        if (lane === undefined) continue;
        gates.counted(lane, count);
        dispatcher.dueAt(lane, dueAt);
      }
      after = page.next;
    } while (after !== null);
    for (const { webhook, id } of await store.runningRecoveries()) {
      if (tenures.of(webhook.webhookId) !== undefined) recoveries.begin(webhook, id);
    }
  }

  async #release(shard: number, endsAt: number): Promise<boolean> {
    const { tenures, gates, memories } = this.#parts;
    const tenure = tenures.get(shard);
    if (tenure === undefined) return false;
    const slow = gates.lanesOf(shard).filter(({ receiver }) => receiver.health !== 'proven');
    for (const lane of slow) gates.leave(lane);
    await this.#quiet(slow, endsAt);
    // It may have been lost meanwhile, and be owned anew: those are other lanes.
    if (tenures.get(shard) !== tenure) return false;
    tenure.isLeaving = true;
    const lanes = gates.lanesOf(shard);
    for (const lane of lanes) gates.leave(lane);
    const isQuiet = await this.#quiet(lanes, endsAt);
    await this.#within(endsAt, memories.flush(lanes));
    if (tenures.get(shard) !== tenure) return false;
    this.lose([shard]);
    const { fellBefore } = tenure;
    const isRecorded =
      fellBefore === null || this.#ports.clock.monotonic() - fellBefore > UNRECORDED_MS;
    return isQuiet && isRecorded;
  }

  /** Whether everything of these lanes that has begun was settled by then. */
  async #quiet(lanes: readonly Lane[], endsAt: number): Promise<boolean> {
    await this.#within(endsAt, Promise.all(lanes.map((lane) => lane.quiet())));
    return lanes.every(({ unsettled }) => unsettled.size === 0);
  }

  /** Fulfilled with the work, or at that moment. */
  async #within(endsAt: number, work: Promise<unknown>): Promise<void> {
    const { clock } = this.#ports;
    const { promise, resolve } = Promise.withResolvers<void>();
    const limit = clock.after(endsAt - clock.monotonic(), resolve);
    await Promise.race([work, promise]);
    limit.cancel();
  }
}
