import { firstIdAt } from '../../core/ids.ts';
import type { Store } from '../../core/ports.ts';
import { bare } from '../ids.ts';
import { integer, integerOrNull, type Row } from '../rows.ts';
import type { Transactions } from './transaction.ts';

const LOOKED_AT_MAX = 1_000;
const PENDING_COUNTED_MAX = 10_000;

export function statsOperations(transactions: Transactions): Pick<Store, 'deliveryStats'> {
  return {
    deliveryStats: ({ accountId, webhookId }, since) =>
      transactions.read(async ({ rows }) => {
        const key = [bare(accountId), bare(webhookId)];
        const [newest, [pending], [fresh], [tried]] = await Promise.all([
          rows(NEWEST, [...key, firstIdAt(since)]),
          rows(PENDING, key),
          rows(NEXT_FRESH, key),
          rows(NEXT_TRIED, key),
        ]);
        const looked = newest.slice(0, LOOKED_AT_MAX);
        const count = (status: string) => looked.filter((row) => row.status === status).length;
        const pendingCount = integer(pending ?? {}, 'count');
        return {
          counted: looked.length,
          complete: newest.length <= LOOKED_AT_MAX,
          delivered: count('delivered'),
          failed: count('failed'),
          cancelled: count('cancelled'),
          pending: Math.min(pendingCount, PENDING_COUNTED_MAX),
          pendingComplete: pendingCount <= PENDING_COUNTED_MAX,
          nextDueAt: earliest(fresh, tried),
          responseTimesMs: looked
            .map((row) => integerOrNull(row, 'attempt_response_time_ms'))
            .filter((ms) => ms !== null)
            .sort((a, b) => a - b),
        };
      }),
  };
}

function earliest(...rows: readonly (Row | undefined)[]): number | null {
  const known = rows.map((row) => row?.due_at).filter((dueAt) => typeof dueAt === 'number');
  return known.length === 0 ? null : Math.min(...known);
}

const NEWEST = `
  select status, attempt_response_time_ms
  from deliveries
  where account_id = $1 and webhook_id = $2 and id >= $3
  order by id desc
  limit ${LOOKED_AT_MAX + 1}
`;

const PENDING = `
  select count(*) as count
  from (
    select 1
    from pending
    where account_id = $1 and webhook_id = $2
    limit ${PENDING_COUNTED_MAX + 1}
  ) as found
`;

const NEXT_FRESH = `
  select d.due_at
  from (
    select delivery_id
    from pending
    where account_id = $1 and webhook_id = $2 and due_at = 0
    order by seq
    limit 1
  ) as first
  join deliveries d on d.account_id = $1 and d.id = first.delivery_id
`;

const NEXT_TRIED = `
  select min(due_at) as due_at
  from pending
  where account_id = $1 and webhook_id = $2 and due_at > 0
`;
