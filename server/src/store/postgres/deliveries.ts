import type { Delivery } from '../../core/model.ts';
import type { DeliveryFilter, Store } from '../../core/ports.ts';
import { delivery, earlierAttempt, passesFilter, SHOWN_COLUMNS } from '../delivery-rows.ts';
import { idRange } from '../event-rows.ts';
import { bare } from '../ids.ts';
import { readFiltered } from './pages.ts';
import type { Transactions } from './transaction.ts';

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
        return { delivery: found, attempts };
      }),

    listDeliveries: (account, filter, { limit, after }) =>
      transactions.read(({ rows }) => {
        const { from, below } = idRange(filter, after);
        const [list, ...key] = narrowest(filter);
        return readFiltered({
          limit,
          below,
          isFiltered: isFiltered(filter),
          read: (end, count) => rows(list, [bare(account), from, end, count, ...key]),
          item: delivery,
          passes: (found: Delivery) => passesFilter(found, filter),
        });
      }),
  };
}

/** One index serves each; the rest of the filter looks at what it finds. */
function narrowest({ webhookId, eventId }: DeliveryFilter): [string, ...string[]] {
  if (eventId !== undefined) return [LIST_OF_EVENT, bare(eventId)];
  if (webhookId !== undefined) return [LIST_OF_WEBHOOK, bare(webhookId)];
  return [LIST_OF_ACCOUNT];
}

function isFiltered({ status, type, webhookId, eventId }: DeliveryFilter): boolean {
  const hasBoth = webhookId !== undefined && eventId !== undefined;
  return status !== undefined || type !== undefined || hasBoth;
}

const SELECT = `
  select ${SHOWN_COLUMNS}
  from deliveries
  where account_id = $1 and id = $2
`;

const EARLIER = `
  select id, number, started_at, response_code, response_time_ms, response_body, failure, note
  from attempts
  where account_id = $1 and delivery_id = $2
  order by id
`;

const listBy = (condition: string) => `
  select ${SHOWN_COLUMNS}
  from deliveries
  where account_id = $1 and id >= $2 and id < $3 ${condition}
  order by id desc
  limit $4
`;
const LIST_OF_ACCOUNT = listBy('');
const LIST_OF_WEBHOOK = listBy('and webhook_id = $5');
const LIST_OF_EVENT = listBy('and event_id = $5');
