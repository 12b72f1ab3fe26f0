import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { firstIdAt } from '../../core/ids.ts';
import { bare } from '../ids.ts';
import { integer, integerOrNull } from '../rows.ts';
import type { Operations } from './operation-types.ts';

const LOOKED_AT_MAX = 1_000;
const PENDING_COUNTED_MAX = 10_000;

export function statsOperations(db: DatabaseSync): Pick<Operations, 'deliveryStats'> {
  const newest = db.prepare(`
    select status, attempt_response_time_ms
    from deliveries
    where account_id = ? and webhook_id = ? and id >= ?
    order by id desc
    limit ${LOOKED_AT_MAX + 1}
  `);
  const pending = db.prepare(`
    select (
      select count(*)
      from (
        select 1
        from deliveries
        where account_id = ? and webhook_id = ? and status = 'pending' and attempt_count = 0
        limit ${PENDING_COUNTED_MAX + 1}
      )
    ) + (
      select count(*)
      from (
        select 1
        from deliveries indexed by deliveries_retry
        where account_id = ? and webhook_id = ? and status = 'pending' and attempt_count > 0
        limit ${PENDING_COUNTED_MAX + 1}
      )
    ) as count
  `);
  const nextFresh = db.prepare(`
    select due_at
    from deliveries
    where account_id = ? and webhook_id = ? and status = 'pending' and attempt_count = 0
    order by seq
    limit 1
  `);
  const nextRetry = db.prepare(`
    select min(due_at) as due_at
    from deliveries
    where account_id = ? and webhook_id = ? and status = 'pending' and attempt_count > 0
  `);

  return {
    deliveryStats({ accountId, webhookId }, since) {
      const key = [bare(accountId), bare(webhookId)] as const;
      const rows = newest.all(...key, firstIdAt(since));
      const looked = rows.slice(0, LOOKED_AT_MAX);
      const count = (status: string) => looked.filter((row) => row.status === status).length;
      const pendingCount = integer(pending.get(...key, ...key) ?? {}, 'count');
      return {
        counted: looked.length,
        complete: rows.length <= LOOKED_AT_MAX,
        delivered: count('delivered'),
        failed: count('failed'),
        cancelled: count('cancelled'),
        pending: Math.min(pendingCount, PENDING_COUNTED_MAX),
        pendingComplete: pendingCount <= PENDING_COUNTED_MAX,
        nextDueAt: earliest(nextFresh.get(...key)?.due_at, nextRetry.get(...key)?.due_at),
        responseTimesMs: looked
          .map((row) => integerOrNull(row, 'attempt_response_time_ms'))
          .filter((ms) => ms !== null)
          .sort((a, b) => a - b),
      };
    },
  };
}

function earliest(...moments: readonly (SQLOutputValue | undefined)[]): number | null {
  const known = moments.filter((moment) => typeof moment === 'number');
  return known.length === 0 ? null : Math.min(...known);
}
