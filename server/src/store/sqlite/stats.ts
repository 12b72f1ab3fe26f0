import type { DatabaseSync } from 'node:sqlite';
import { firstIdAt } from '../../core/ids.ts';
import { bare } from './ids.ts';
import type { Operations } from './operation-types.ts';
import { integer, integerOrNull } from './rows.ts';

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
  const countOf = (which: string) =>
    db.prepare(`
      select count(*) as count
      from (
        select 1
        from deliveries
        where account_id = ? and webhook_id = ? and status = 'pending' and attempt_count ${which} 0
        limit ${PENDING_COUNTED_MAX + 1}
      )
    `);
  const fresh = countOf('=');
  const retries = countOf('>');
  // What was never tried has been due since it was made: the first of them is the oldest.
  const oldestFresh = db.prepare(`
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
      const pendingCount =
        integer(fresh.get(...key) ?? {}, 'count') + integer(retries.get(...key) ?? {}, 'count');
      const dueTimes = [oldestFresh, nextRetry]
        .map((statement) => integerOrNull(statement.get(...key) ?? { due_at: null }, 'due_at'))
        .filter((at) => at !== null);
      return {
        counted: looked.length,
        complete: rows.length <= LOOKED_AT_MAX,
        delivered: count('delivered'),
        failed: count('failed'),
        cancelled: count('cancelled'),
        pending: Math.min(pendingCount, PENDING_COUNTED_MAX),
        pendingComplete: pendingCount <= PENDING_COUNTED_MAX,
        nextDueAt: dueTimes.length === 0 ? null : Math.min(...dueTimes),
        responseTimesMs: looked
          .map((row) => integerOrNull(row, 'attempt_response_time_ms'))
          .filter((ms) => ms !== null)
          .sort((a, b) => a - b),
      };
    },
  };
}
