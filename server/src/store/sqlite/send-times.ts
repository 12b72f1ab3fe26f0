import type { DatabaseSync } from 'node:sqlite';
import { bare } from '../ids.ts';
import { AFTER_ALL_IDS, integer, type Row, text } from '../rows.ts';
import { isKeptSince, LOOKED_AT_MAX } from '../send-times.ts';
import { FRESH, RETRY } from './due.ts';
import type { Operations } from './operation-types.ts';

/** When attempts began; `../send-times.ts` says what is exact about it. */
export function sendTimesOperations(db: DatabaseSync): Pick<Operations, 'sendTimes'> {
  const limitedSince = db.prepare(`
    select rate_limited_since
    from webhooks
    where account_id = ? and id = ?
  `);
  // The newest attempt of a delivery is in its row, those before are in `attempts`: whatever is among
  // the newest of all belongs to a delivery whose newest attempt is.
  const keptTimes = db.prepare(`
    with newest as materialized (
      select account_id, id, sent_at
      from deliveries indexed by deliveries_sent
      where account_id = ? and webhook_id = ? and sent_at >= ?
      order by sent_at desc
      limit ?
    )
    select sent_at as started_at
    from newest
    union all
    select a.started_at
    from newest
    cross join attempts a on a.account_id = newest.account_id and a.delivery_id = newest.id
    where a.started_at >= ?
    order by started_at desc
    limit ?
  `);
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
      const rows = isKeptSince(limitedSince.get(...key)?.rate_limited_since, since)
        ? keptTimes.all(...key, since, limit, since, limit)
        : lookedUp(key, since, limit);
      return rows.map((row) => integer(row, 'started_at')).reverse();
    },
  };

  function lookedUp(key: readonly [string, string], since: number, limit: number): Row[] {
    const first = firstFresh.get(...key);
    const id = first === undefined ? AFTER_ALL_IDS : text(first, 'id');
    return startTimes.all(...key, id, ...key, id, ...key, since, since, limit);
  }
}
