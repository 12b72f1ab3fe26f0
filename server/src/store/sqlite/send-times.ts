import type { DatabaseSync } from 'node:sqlite';
import { bare } from '../ids.ts';
import { AFTER_ALL_IDS, integer, type Row, text } from '../rows.ts';
import { FRESH, RETRY } from './due.ts';
import type { Operations } from './operation-types.ts';

/**
 * Deliveries looked at on either side of the first that was never tried, and of those to be retried,
 * where the send times of the whole span are not kept yet.
 */
const LOOKED_AT_MAX = 20_000;
/** More than the clock of who sets a limit, and the commit of it, can be away from the first settlement. */
const SETTING_MS_MAX = 60_000;

/**
 * When attempts began. Where a webhook has had a rate limit for longer than the span, an index of
 * `sent_at` has exactly what was sent: every start of the server asks that for each lane with a limit.
 *
 * For a limit that was set within the span it looks at a bounded number of deliveries: those around the
 * oldest that was never tried (those before it were tried last), and those to be tried again that are
 * due last. That is exact while a webhook has at most so many of each. Missed is what was tried again
 * for the last time within the span, if more than so many deliveries were accepted after it and tried
 * since.
 */
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
      const kept = limitedSince.get(...key)?.rate_limited_since;
      const isKept = typeof kept === 'number' && kept + SETTING_MS_MAX <= since;
      const rows = isKept
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
