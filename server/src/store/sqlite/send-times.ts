import type { DatabaseSync } from 'node:sqlite';
import { FRESH, RETRY } from './due.ts';
import { bare } from './ids.ts';
import type { Operations } from './operation-types.ts';
import { AFTER_ALL_IDS, integer, text } from './rows.ts';

/** Deliveries looked at on either side of the first that was never tried, and of those to be retried. */
const LOOKED_AT_MAX = 20_000;

/**
 * When attempts began. Asked once when a lane with a rate limit is taken over, so it looks at a bounded
 * number of deliveries and not at all of them: those around the oldest that was never tried (those
 * before it were tried last), and those to be tried again that are due last. It is exact while a webhook
 * has at most so many of each. Missed is what was tried again for the last time within the span, if
 * more than so many deliveries were accepted after it and tried since.
 */
export function sendTimesOperations(db: DatabaseSync): Pick<Operations, 'sendTimes'> {
  const firstFresh = db.prepare(`
    select id
    from deliveries
    where account_id = ? and webhook_id = ? and ${FRESH}
    order by seq
    limit 1
  `);
  const startTimes = db.prepare(`
    with looked_at as (
      select seq
      from (
        select seq
        from deliveries indexed by deliveries_by_webhook
        where account_id = ? and webhook_id = ? and id < ?
        order by id desc
        limit ${LOOKED_AT_MAX}
      )
      union
      select seq
      from (
        select seq
        from deliveries indexed by deliveries_by_webhook
        where account_id = ? and webhook_id = ? and id >= ?
        order by id
        limit ${LOOKED_AT_MAX}
      )
      union
      select seq
      from (
        select seq
        from deliveries indexed by deliveries_retry
        where account_id = ? and webhook_id = ? and ${RETRY}
        order by due_at desc, seq desc
        limit ${LOOKED_AT_MAX}
      )
    ),
    tried as materialized (
      select d.account_id, d.id, d.attempt_started_at as started_at
      from looked_at
      cross join deliveries d on d.seq = looked_at.seq
      where d.attempt_started_at >= ? and d."trigger" <> 'test'
    )
    select started_at
    from tried
    union all
    select a.started_at
    from tried
    cross join attempts a on a.account_id = tried.account_id and a.delivery_id = tried.id
    where a.started_at >= ?
    order by started_at desc
    limit ?
  `);

  return {
    sendTimes({ accountId, webhookId, since, limit }) {
      const key = [bare(accountId), bare(webhookId)] as const;
      const first = firstFresh.get(...key);
      const id = first === undefined ? AFTER_ALL_IDS : text(first, 'id');
      return startTimes
        .all(...key, id, ...key, id, ...key, since, since, limit)
        .map((row) => integer(row, 'started_at'))
        .reverse();
    },
  };
}
