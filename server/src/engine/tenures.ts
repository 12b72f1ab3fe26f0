import type { OwnedShard, TakenShard } from '../core/ports.ts';
import { shardOf } from '../core/shards.ts';

/** A shard that this engine owns, from when it was taken until it is given up or lost. */
export interface Tenure extends OwnedShard {
  /**
   * The owner before left no record of what it had in progress, and may have had it at the latest at this
   * moment (monotonic); null: it left nothing.
   */
  readonly fellBefore: number | null;
  /** It is being given up: no lane is made for it, and none starts anything. */
  isLeaving: boolean;
}

/** What this engine owns now. */
export class Tenures {
  readonly #byShard = new Map<number, Tenure>();

  begin({ shard, epoch, drained }: TakenShard, now: number): void {
    const fellBefore = drained ? null : now;
    this.#byShard.set(shard, { shard, epoch, fellBefore, isLeaving: false });
  }

  end(shard: number): void {
    this.#byShard.delete(shard);
  }

  get(shard: number): Tenure | undefined {
    return this.#byShard.get(shard);
  }

  /** Undefined when this engine starts nothing for that webhook. */
  of(webhookId: string): Tenure | undefined {
    const tenure = this.#byShard.get(shardOf(webhookId));
    return tenure?.isLeaving ? undefined : tenure;
  }

  shards(): number[] {
    return [...this.#byShard.keys()];
  }
}
