import type { TakenShard } from './ports.ts';

/**
 * Every webhook belongs to one of so many shards, for ever: the number is part of what is stored.
 * A shard is owned by one node at a time, and served by one of its delivery threads.
 */
export const SHARDS = 64;

/** FNV-1a over the id. */
export function shardOf(webhookId: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < webhookId.length; index++) {
    hash = Math.imul(hash ^ webhookId.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % SHARDS;
}

/** Which of a node's delivery threads serves a shard. */
export function threadOf(shard: number, threads: number): number {
  return shard % threads;
}

/** Where there is one node it owns every shard, for ever under the same epoch. */
export const SOLE_EPOCH = 1;

/** What one of so many delivery threads of that node owns. */
export function shardsOf(
  thread: { index: number; of: number },
  { drained }: { drained: boolean },
): TakenShard[] {
  return Array.from({ length: SHARDS }, (_, shard) => shard)
    .filter((shard) => threadOf(shard, thread.of) === thread.index)
    .map((shard) => ({ shard, epoch: SOLE_EPOCH, drained }));
}
