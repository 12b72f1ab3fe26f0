import type { DatabaseSync } from 'node:sqlite';
import type { Delivery } from '../../core/model.ts';
import type { DeliveryFilter } from '../../core/ports.ts';
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
import { filteredPage, type IdRange, type Row } from '../rows.ts';
import type { Operations } from './operation-types.ts';

export function deliveryOperations(
  db: DatabaseSync,
): Pick<Operations, 'getDelivery' | 'listDeliveries'> {
  const select = db.prepare(`
    select ${DELIVERY_COLUMNS}
    from deliveries
    where account_id = ? and id = ?
  `);
  const earlierAttempts = db.prepare(`
    select id, number, started_at, response_code, response_time_ms, response_body, failure, note
    from attempts
    where account_id = ? and delivery_id = ?
    order by id
  `);
  const hold = db.prepare(`
    select id, held_until
    from webhooks
    where account_id = ? and id = ? and held_until is not null
  `);
  // One index serves each, two those of an event. They are named: SQLite would read all of an account for
  // those of one webhook. The rest of the filter looks at what they find.
  const listBy = (index: string, condition: string) => `
    select ${DELIVERY_COLUMNS}
    from deliveries indexed by ${index}
    where account_id = ? and id >= ? and id < ? ${condition}
  `;
  const newestFirst = (sql: string) => db.prepare(`${sql} order by id desc`);
  const listOfAccount = newestFirst(listBy('deliveries_by_id', ''));
  const listOfWebhook = newestFirst(listBy('deliveries_by_webhook', 'and webhook_id = ?'));
  const listOfEvent = newestFirst(`
    ${listBy('deliveries_by_id', 'and event_id = ?')}
    union all
    ${listBy('deliveries_later', `and event_id = ? and ${MADE_LATER}`)}
  `);

  return {
    getDelivery(account, id) {
      const row = select.get(bare(account), bare(id));
      if (row === undefined) return null;
      const found = delivery(row);
      const attempts = earlierAttempts.all(bare(account), bare(id)).map(earlierAttempt);
      if (found.lastAttempt !== null) attempts.push(found.lastAttempt);
      const [shown = found] = shownOf(account, [found]);
      return { delivery: shown, attempts };
    },

    listDeliveries(account, filter, { limit, after }) {
      const rows = rowsOf(bare(account), filter, idRange(filter, after));
      const passes = (found: Delivery) => passesFilter(found, filter);
      const page = filteredPage(rows, limit, { item: delivery, passes });
      return { ...page, items: shownOf(account, page.items) };
    },
  };

  function shownOf(account: string, found: readonly Delivery[]): Delivery[] {
    const ids = webhooksOfPending(found);
    const holds = ids.map((id) => hold.get(bare(account), id)).filter((row) => row !== undefined);
    return heldBack(found, holds);
  }

  function rowsOf(
    account: string,
    { webhookId, eventId }: DeliveryFilter,
    ids: IdRange,
  ): Iterable<Row> {
    const key = [account, ids.from, ids.below];
    if (eventId !== undefined) {
      const event = bare(eventId);
      const madeWith = overlap(ids, idsMadeWith(eventId));
      return listOfEvent.iterate(account, madeWith.from, madeWith.below, event, ...key, event);
    }
    if (webhookId !== undefined) return listOfWebhook.iterate(...key, bare(webhookId));
    return listOfAccount.iterate(...key);
  }
}
