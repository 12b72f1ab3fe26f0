import type { OwnedShard, Ownership, TakenShard, Wake } from '../../core/ports.ts';
import { shardOf } from '../../core/shards.ts';
import { accountId, bare, webhookId } from '../ids.ts';
import { integer, type Row, text } from '../rows.ts';
import { DatabaseFault } from './faults.ts';
import { lockShards, SHARD_LOCKS } from './fence.ts';
import type { Transaction, Transactions } from './transaction.ts';

/** A take-over waits so long for those who write; then that shard is left for the next time. */
const TAKE_LOCK_MS_MAX = 1_000;

/**
 * Shards, their owners and what is left for them. A shard changes hands under its lock, which whoever
 * writes for its lanes shares: what was committed before is seen by the new owner's first look at what
 * is pending, and what comes after meets another epoch.
 */
export function createOwnership(transactions: Transactions): Ownership {
  return {
    async renew({ id, leaseMs }) {
      const { owned, nodes, free } = await transactions.write(async (transaction) => {
        const { rows, run } = transaction;
        const [renewed] = await rows(RENEW, [id, leaseMs]);
        if (renewed?.is_new === true) await run(FORGET_NODES);
        // Statements of their own, which see what a take-over committed that the renewal waited for.
        const [ownedRows, [counts]] = await Promise.all([rows(OWNED, [id]), rows(COUNTS)]);
        return {
          owned: ownedRows.map(ownedShard),
          nodes: integer(counts ?? {}, 'nodes'),
          free: integer(counts ?? {}, 'free'),
        };
      });
      return { owned, nodes, free };
    },

    async take(nodeId, limit) {
      const taken: TakenShard[] = [];
      const free = await transactions.readRows(FREE);
      for (const row of free) {
        if (taken.length === limit) break;
        const one = await takeOne(nodeId, integer(row, 'shard'));
        if (one === null) continue;
        taken.push(one);
      }
      return taken;
    },

    async release(nodeId, shards, { drained }) {
      for (const { shard, epoch } of shards) {
        await transactions.write(async (transaction) => {
          await lockExclusively(transaction, shard);
          await transaction.run(RELEASE, [shard, epoch, nodeId, drained]);
        });
      }
    },

    async leave(nodeId) {
      await transactions.write(async ({ run }) => {
        await Promise.all([
          run('update shards set owner = null, drained = false where owner = $1', [nodeId]),
          run('delete from nodes where id = $1', [nodeId]),
        ]);
      });
    },

    async wakes(shards, limit) {
      if (shards.length === 0) return [];
      const rows = await transactions.readRows(WAKES, [shards.map(({ shard }) => shard), limit]);
      return rows.map(wake);
    },

    forgetWakes: (wakes, shards) =>
      transactions.write(async (transaction) => {
        const epochs = await lockShards(
          transaction,
          shards.map(({ shard }) => shard),
        );
        const ours = new Set(
          shards
            .filter(({ shard, epoch }) => epochs.get(shard) === epoch)
            .map(({ shard }) => shard),
        );
        const ids = wakes.filter(({ shard }) => ours.has(shard)).map(({ id }) => id);
        await transaction.run('delete from wakes where id = any($1::bigint[])', [ids]);
      }),

    async isChangeKnown({ accountId, webhookId }) {
      const [row] = await transactions.readRows(IS_KNOWN, [
        shardOf(webhookId),
        bare(accountId),
        bare(webhookId),
      ]);
      return row?.is_known === true;
    },
  };

  /** Null when its owner was quicker, or when those who write for it did not let go of it in time. */
  async function takeOne(nodeId: string, shard: number): Promise<TakenShard | null> {
    try {
      return await transactions.writeAtOnce(async (transaction) => {
        const { run, rows } = transaction;
        // All in one round trip; each statement sees what was committed while the one before waited.
        const waits = [
          run(`set local lock_timeout = ${TAKE_LOCK_MS_MAX}`),
          lockExclusively(transaction, shard),
          // A renewal waits for this lock of the node's row, and then finds what it has lost.
          run(LOCK_OWNER, [shard]),
        ];
        const answers = Promise.all([rows(WAS_DRAINED, [shard]), rows(TAKE, [shard, nodeId])]);
        return {
          result: Promise.all([...waits, answers]).then(async () => {
            const [[before], [taken]] = await answers;
            if (before === undefined || taken === undefined) return null;
            return { shard, epoch: integer(taken, 'epoch'), drained: before.drained === true };
          }),
        };
      });
    } catch (error) {
      if (error instanceof DatabaseFault && error.trouble === 'unavailable') return null;
      throw error;
    }
  }
}

/** Waits for those who write for the shard; who comes to write after this waits for it. */
async function lockExclusively(transaction: Transaction, shard: number): Promise<void> {
  await transaction.run('select pg_advisory_xact_lock($1, $2)', [SHARD_LOCKS, shard]);
}

function ownedShard(row: Row): OwnedShard {
  return { shard: integer(row, 'shard'), epoch: integer(row, 'epoch') };
}

function wake(row: Row): Wake {
  const webhooks = row.webhook_ids as string[];
  const accounts = row.account_ids as string[];
  const counts = row.counts as number[] | null;
  return {
    id: integer(row, 'id'),
    shard: integer(row, 'shard'),
    kind: text(row, 'kind') as Wake['kind'],
    webhooks: webhooks.map((id, index) => ({
      accountId: accountId(accounts[index] ?? ''),
      webhookId: webhookId(id),
      count: counts?.[index] ?? 1,
    })),
  };
}

/** `xmax` of a row that was inserted just now is 0. */
const RENEW = `
  insert into nodes (id, lease_until)
  values ($1, clock_timestamp() + $2::bigint * interval '1 millisecond')
  on conflict (id) do update
  set lease_until = excluded.lease_until
  returning xmax = 0 as is_new
`;

/** Of nodes that fell, long ago. */
const FORGET_NODES = `
  delete from nodes
  where lease_until < clock_timestamp() - interval '1 day'
`;

const OWNED = `
  select shard, epoch
  from shards
  where owner = $1
  order by shard
`;

const IS_FREE = `not exists (
    select 1
    from nodes n
    where n.id = s.owner and n.lease_until > clock_timestamp()
  )`;

const COUNTS = `
  select (
    select count(*)
    from nodes
    where lease_until > clock_timestamp()
  ) as nodes, (
    select count(*)
    from shards s
    where ${IS_FREE}
  ) as free
`;

const FREE = `
  select s.shard
  from shards s
  where ${IS_FREE}
  order by s.shard
`;

const LOCK_OWNER = `
  select 1
  from nodes n
  join shards s on s.owner = n.id
  where s.shard = $1
  for share of n
`;

const WAS_DRAINED = `
  select drained
  from shards
  where shard = $1
`;

const TAKE = `
  update shards s
  set owner = $2, epoch = epoch + 1, drained = false
  where s.shard = $1 and ${IS_FREE}
  returning epoch
`;

const RELEASE = `
  update shards
  set owner = null, drained = $4
  where shard = $1 and epoch = $2 and owner = $3
`;

const WAKES = `
  select id, shard, kind, account_ids, webhook_ids, counts
  from wakes
  where shard = any($1::integer[])
  order by id
  limit $2
`;

const IS_KNOWN = `
  select not exists (
    select 1
    from wakes
    where shard = $1 and kind = 'changed' and (
      select bool_or(account_id = $2 and webhook_id = $3)
      from unnest(account_ids, webhook_ids) as of_wake (account_id, webhook_id)
    )
  ) or exists (
    select 1
    from shards s
    where s.shard = $1 and ${IS_FREE}
  ) as is_known
`;
