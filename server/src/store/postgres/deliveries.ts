import type { Delivery } from '../../core/model.ts';
import type { DeliveryFilter, Store } from '../../core/ports.ts';
import {
  DELIVERY_COLUMNS,
  delivery,
  earlierAttempt,
  heldBack,
  idsMadeWith,
  MADE_LATER,
  overlap,
  passesFilter,
  webhooksOfPending,
} from '../delivery-rows.ts';
import { idRange } from '../event-rows.ts';
import { bare } from '../ids.ts';
import type { IdRange } from '../rows.ts';
import { readFiltered } from './pages.ts';
import type { Transaction, Transactions } from './transaction.ts';

export function deliveryOperations(
  transactions: Transactions,
): Pick<Store, 'getDelivery' | 'listDeliveries'> {
  return {
    getDelivery: (account, id) =>
      transactions.read(async ({ rows }) => {
        const key = [bare(account), bare(id)];
        const [[row], earlier] = await Promise.all([rows(SELECT, key), rows(EARLIER, key)]);
        if (row === undefined) return null;
        const found = delivery(row);
        const attempts = earlier.map(earlierAttempt);
        if (found.lastAttempt !== null) attempts.push(found.lastAttempt);
        const [shown = found] = await shownOf(rows, account, [found]);
        return { delivery: shown, attempts };
      }),

    listDeliveries: (account, filter, { limit, after }) =>
      transactions.read(async ({ rows }) => {
        const { from, below } = idRange(filter, after);
        const page = await readFiltered({
          limit,
          below,
          isFiltered: isFiltered(filter),
          read: (end, count) => {
            const [sql, ...key] = narrowest(filter, { from, below: end });
            return rows(sql, [bare(account), from, end, count, ...key]);
          },
          item: delivery,
          passes: (found: Delivery) => passesFilter(found, filter),
        });
        return { ...page, items: await shownOf(rows, account, page.items) };
      }),
  };
}

async function shownOf(
  rows: Transaction['rows'],
  account: string,
  found: readonly Delivery[],
): Promise<Delivery[]> {
  const ids = webhooksOfPending(found);
  if (ids.length === 0) return [...found];
  return heldBack(found, await rows(HOLDS, [bare(account), ids]));
}

/** One index serves each, two those of an event; the rest of the filter looks at what they find. */
function narrowest({ webhookId, eventId }: DeliveryFilter, ids: IdRange): [string, ...string[]] {
  if (eventId !== undefined) {
    const { from, below } = overlap(ids, idsMadeWith(eventId));
    return [LIST_OF_EVENT, bare(eventId), from, below];
  }
  if (webhookId !== undefined) return [LIST_OF_WEBHOOK, bare(webhookId)];
  return [LIST_OF_ACCOUNT];
}

function isFiltered({ status, type, webhookId, eventId }: DeliveryFilter): boolean {
  const hasBoth = webhookId !== undefined && eventId !== undefined;
  return status !== undefined || type !== undefined || hasBoth;
}

const SELECT = `
  select ${DELIVERY_COLUMNS}
  from deliveries
  where account_id = $1 and id = $2
`;

const HOLDS = `
  select id, held_until
  from webhooks
  where account_id = $1 and id = any($2::text[]) and held_until is not null
`;

const EARLIER = `
  select id, number, started_at, response_code, response_time_ms, response_body, failure, note
  from attempts
  where account_id = $1 and delivery_id = $2
  order by id
`;

const listBy = (condition: string, from = '$2', below = '$3') => `
  select ${DELIVERY_COLUMNS}
  from deliveries
  where account_id = $1 and id >= ${from} and id < ${below} ${condition}
  order by id desc
  limit $4
`;
const LIST_OF_ACCOUNT = listBy('');
const LIST_OF_WEBHOOK = listBy('and webhook_id = $5');
const LIST_OF_EVENT = `
  select *
  from (
    (${listBy(`and event_id = $5 and ${MADE_LATER}`)})
    union all
    (${listBy('and event_id = $5', '$6', '$7')})
  ) as d
  order by id desc
  limit $4
`;
