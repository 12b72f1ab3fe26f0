import type { Store } from '../../core/ports.ts';
import { bare } from '../ids.ts';
import { AFTER_ALL_IDS, integer, type Row, text } from '../rows.ts';
import { isKeptSince, LOOKED_AT_MAX } from '../send-times.ts';
import type { Transaction, Transactions } from './transaction.ts';

/** When attempts began; `../send-times.ts` says what is exact about it. */
export function sendTimesOperations(transactions: Transactions): Pick<Store, 'sendTimes'> {
  return {
    sendTimes: ({ accountId, webhookId, since, limit }) =>
      transactions.read(async (transaction) => {
        const key = [bare(accountId), bare(webhookId)] as const;
        const [limited] = await transaction.rows(LIMITED_SINCE, key);
        const rows = isKeptSince(limited?.rate_limited_since, since)
          ? await transaction.rows(KEPT_TIMES, [...key, since, limit])
          : await lookedUp(transaction, key, since, limit);
        return rows.map((row) => integer(row, 'started_at')).reverse();
      }),
  };
}

async function lookedUp(
  transaction: Transaction,
  key: readonly [string, string],
  since: number,
  limit: number,
): Promise<Row[]> {
  const [first] = await transaction.rows(FIRST_FRESH, key);
  const id = first === undefined ? AFTER_ALL_IDS : text(first, 'delivery_id');
  return await transaction.rows(START_TIMES, [...key, since, limit, id]);
}

const LIMITED_SINCE = `
  select rate_limited_since
  from webhooks
  where account_id = $1 and id = $2
`;

/**
 * The newest attempt of a delivery is in its row, those before are in `attempts`: whatever is among
 * the newest of all belongs to a delivery whose newest attempt is.
 */
const KEPT_TIMES = `
  with newest as materialized (
    select account_id, id, sent_at
    from deliveries
    where account_id = $1 and webhook_id = $2 and sent_at >= $3
    order by sent_at desc
    limit $4
  )
  select sent_at as started_at
  from newest
  union all
  select a.started_at
  from newest
  join attempts a on a.account_id = $1 and a.delivery_id = newest.id
  where a.started_at >= $3
  order by started_at desc
  limit $4
`;

const FIRST_FRESH = `
  select delivery_id
  from pending
  where account_id = $1 and webhook_id = $2 and due_at = 0
  order by seq
  limit 1
`;

const START_TIMES = `
  with looked_at as (
    (
      select id
      from deliveries
      where account_id = $1 and webhook_id = $2 and id < $5
      order by id desc
      limit ${LOOKED_AT_MAX}
    )
    union
    (
      select id
      from deliveries
      where account_id = $1 and webhook_id = $2 and id >= $5
      order by id
      limit ${LOOKED_AT_MAX}
    )
    union
    (
      select delivery_id
      from pending
      where account_id = $1 and webhook_id = $2 and due_at > 0
      order by due_at desc, seq desc
      limit ${LOOKED_AT_MAX}
    )
  ),
  tried as materialized (
    select d.id, d.attempt_started_at as started_at
    from looked_at
    join deliveries d on d.account_id = $1 and d.id = looked_at.id
    where d.attempt_started_at >= $3 and d."trigger" <> 'test'
  )
  select started_at
  from tried
  union all
  select a.started_at
  from tried
  join attempts a on a.account_id = $1 and a.delivery_id = tried.id
  where a.started_at >= $3
  order by started_at desc
  limit $4
`;
