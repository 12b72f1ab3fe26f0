import type { DueDelivery, LaneRef, Wake, WebhookRef } from '../../core/ports.ts';
import { shardOf } from '../../core/shards.ts';
import { bare } from '../ids.ts';
import { integer } from '../rows.ts';
import { kept } from './statements.ts';
import type { Transaction } from './transaction.ts';

/**
 * Who writes for a shard's lanes, and who takes the shard over, keep out of each other's way by a lock
 * per shard: shared by the former, exclusive for the latter. They are locks of the transaction, in the
 * server's memory: locking the rows of `shards` would write to each of them in every batch, and what
 * waits for such a row is overtaken by every lock that the row's holders can share.
 */
export const SHARD_LOCKS = 0x706f7374;

/** What this node believes to own, and under which epoch. Whoever takes and releases shards keeps it. */
export type Belief = ReadonlyMap<number, number>;

/** The shards that this transaction may write for; nobody takes them over before it ends. */
export interface Fence {
  owns(webhookId: string): boolean;
  /** Under which epoch; undefined when it is not this node's. */
  epochOf(webhookId: string): number | undefined;
}

/** Locks those of these shards that the node believes to own, and compares their epochs. */
export async function lockOwned(
  transaction: Transaction,
  belief: Belief,
  webhookIds: Iterable<string>,
): Promise<Fence> {
  const believed = new Map<number, number>();
  for (const id of webhookIds) {
    const shard = shardOf(id);
    const epoch = belief.get(shard);
    if (epoch !== undefined) believed.set(shard, epoch);
  }
  const epochs = await lockShards(transaction, [...believed.keys()]);
  const epochOf = (webhookId: string) => {
    const shard = shardOf(webhookId);
    const epoch = believed.get(shard);
    return epoch !== undefined && epochs.get(shard) === epoch ? epoch : undefined;
  };
  return { epochOf, owns: (webhookId) => epochOf(webhookId) !== undefined };
}

/** Whether the shard still has the epoch under which the lane was; it keeps it until the end of the transaction. */
export async function hasEpoch(
  transaction: Transaction,
  { webhookId, epoch }: LaneRef,
): Promise<boolean> {
  if (epoch === undefined) return true;
  const shard = shardOf(webhookId);
  return (await lockShards(transaction, [shard])).get(shard) === epoch;
}

/** Locks these shards, each in its turn, until the end of the transaction; answers their epochs. */
export async function lockShards(
  transaction: Transaction,
  shards: readonly number[],
): Promise<Map<number, number>> {
  if (shards.length === 0) return new Map();
  const sorted = [...shards].sort((a, b) => a - b);
  const locked = transaction.run(LOCK_SHARED, [SHARD_LOCKS, sorted]);
  // A statement of its own, which sees what was committed before the locks were there.
  const rows = await transaction.rows(EPOCHS, [sorted]);
  await locked;
  return new Map(rows.map((row) => [integer(row, 'shard'), integer(row, 'epoch')]));
}

const LOCK_SHARED = kept(`
  select pg_advisory_xact_lock_shared($1, shard)
  from unnest($2::integer[]) as shard
`);

const EPOCHS = kept(`
  select shard, epoch
  from shards
  where shard = any($1::integer[])
`);

/**
 * Leaves word for the owners of these webhooks' shards: one row for each shard. With `pending` a webhook is
 * named once for each of its deliveries, and the row says how many there were.
 */
export async function leaveWakes(
  transaction: Transaction,
  kind: Wake['kind'],
  webhooks: readonly WebhookRef[],
): Promise<void> {
  const named = Map.groupBy(webhooks, ({ accountId, webhookId }) => `${accountId} ${webhookId}`);
  const distinct = named.values().flatMap(([webhook, ...more]) => {
    return webhook === undefined ? [] : [{ ...webhook, count: 1 + more.length }];
  });
  if (named.size > 0) transaction.leftWakes = true;
  const byShard = Map.groupBy(distinct, ({ webhookId }) => shardOf(webhookId));
  await Promise.all(
    byShard
      .entries()
      .map(([shard, of]) =>
        transaction.run(LEAVE_WAKE, [
          shard,
          kind,
          of.map(({ accountId }) => bare(accountId)),
          of.map(({ webhookId }) => bare(webhookId)),
          of.map(({ count }) => count),
        ]),
      ),
  );
}

const LEAVE_WAKE = `
  insert into wakes (shard, kind, account_ids, webhook_ids, counts)
  values ($1, $2, $3::text[], $4::text[], $5::integer[])
`;

/** What was stored of a webhook has changed: its owner is told, unless that is this node. */
export async function tellOwner(
  transaction: Transaction,
  belief: Belief,
  webhook: WebhookRef,
): Promise<void> {
  const fence = await lockOwned(transaction, belief, [webhook.webhookId]);
  if (!fence.owns(webhook.webhookId)) await leaveWakes(transaction, 'changed', [webhook]);
}

/** What was made pending is handed over where its lane is this node's, and left word of otherwise. */
export async function handOverOrWake(
  transaction: Transaction,
  belief: Belief,
  deliveries: readonly DueDelivery[],
): Promise<void> {
  const fence = await lockOwned(
    transaction,
    belief,
    deliveries.map(({ webhookId }) => webhookId),
  );
  await shareOut(transaction, fence, deliveries);
}

export async function shareOut(
  transaction: Transaction,
  fence: Fence,
  deliveries: readonly DueDelivery[],
): Promise<void> {
  const others: DueDelivery[] = [];
  for (const delivery of deliveries) {
    const epoch = fence.epochOf(delivery.webhookId);
    if (epoch === undefined) others.push(delivery);
    else transaction.pending.push({ ...delivery, epoch });
  }
  await leaveWakes(transaction, 'pending', others);
}
