import type { OwnedShard, TakenShard } from '../../core/ports.ts';

/**
 * A shard whose row names this node.
 *
 * - `taken`: the engine has to be told, or to be told once more, because it could not load what is pending;
 * - `loading`: the engine is being told;
 * - `owned`;
 * - `leaving`: the engine is giving it up;
 * - `given_up`: the engine has nothing of it any more; the row has to be told, or to be told once more.
 *
 * It is gone when its row says so, or once it was released.
 */
export interface NodeShard extends TakenShard {
  state: 'taken' | 'loading' | 'owned' | 'leaving' | 'given_up';
}

/** The shards of this node, as far as it knows. */
export class NodeShards {
  readonly #shards = new Map<number, NodeShard>();

  numbers(): Set<number> {
    return new Set(this.#shards.keys());
  }

  has(shard: number): boolean {
    return this.#shards.has(shard);
  }

  all(): NodeShard[] {
    return [...this.#shards.values()];
  }

  in(state: NodeShard['state']): NodeShard[] {
    return this.all().filter((one) => one.state === state);
  }

  /** Those that stay. */
  get kept(): NodeShard[] {
    return this.all().filter(isKept);
  }

  keeps(shard: number): boolean {
    const known = this.#shards.get(shard);
    return known !== undefined && isKept(known);
  }

  add({ shard, epoch, drained }: TakenShard): void {
    this.#shards.set(shard, { shard, epoch, drained, state: 'taken' });
  }

  remove(gone: readonly NodeShard[]): void {
    for (const one of gone) {
      if (this.#shards.get(one.shard) === one) this.#shards.delete(one.shard);
    }
  }

  /** Those whose rows say something else. */
  lostAfter(rows: readonly OwnedShard[]): NodeShard[] {
    const epochs = new Map(rows.map(({ shard, epoch }) => [shard, epoch]));
    return this.all().filter(({ shard, epoch }) => epochs.get(shard) !== epoch);
  }

  /**
   * Rows that name this node without its knowledge: the answer to their taking was lost. What was known when
   * the rows were asked for may have been released since: that is not taken for one of them.
   */
  unknownOf(rows: readonly OwnedShard[], knownBefore: ReadonlySet<number>): OwnedShard[] {
    return rows.filter(({ shard }) => !this.#shards.has(shard) && !knownBefore.has(shard));
  }
}

function isKept({ state }: NodeShard): boolean {
  return state !== 'leaving' && state !== 'given_up';
}
