import type { OwnedShard, Ownership } from '../../core/ports.ts';

/**
 * Keeps what the store's writes go by: a shard is believed in after it was taken, and not any more
 * before it is given up. What a renewal answers may be older than that by a moment: a shard that was
 * released meanwhile has nobody else's epoch yet, and whoever takes it reads what was committed before.
 */
export function believing(ownership: Ownership, owned: Map<number, number>): Ownership {
  const believe = (shards: readonly OwnedShard[]) => {
    for (const { shard, epoch } of shards) owned.set(shard, epoch);
  };
  return {
    ...ownership,
    async renew(node) {
      const renewed = await ownership.renew(node);
      owned.clear();
      believe(renewed.owned);
      return renewed;
    },
    async take(nodeId, limit) {
      const taken = await ownership.take(nodeId, limit);
      believe(taken);
      return taken;
    },
    async release(nodeId, shards, how) {
      for (const { shard } of shards) owned.delete(shard);
      await ownership.release(nodeId, shards, how);
    },
    async leave(nodeId) {
      owned.clear();
      await ownership.leave(nodeId);
    },
  };
}
