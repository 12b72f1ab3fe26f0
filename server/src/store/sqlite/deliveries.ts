import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Delivery } from '../../core/model.ts';
import type { DeliveryFilter } from '../../core/ports.ts';
import {
  DELIVERY_COLUMNS,
  delivery,
  earlierAttempt,
  heldBack,
  passesFilter,
  webhooksOfPending,
} from '../delivery-rows.ts';
import { idRange } from '../event-rows.ts';
import { bare } from '../ids.ts';
import { filteredPage } from '../rows.ts';
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
  // One index serves each, and is named: SQLite would read all of an account for those of one webhook.
  // The rest of the filter looks at what it finds.
  const listBy = (index: string, column: 'account_id' | 'webhook_id' | 'event_id'): StatementSync =>
    db.prepare(`
      select ${DELIVERY_COLUMNS}
      from deliveries indexed by ${index}
      where account_id = ? ${column === 'account_id' ? '' : `and ${column} = ?`}
        and id >= ? and id < ?
      order by id desc
    `);
  const listOfAccount = listBy('deliveries_by_id', 'account_id');
  const listOfWebhook = listBy('deliveries_by_webhook', 'webhook_id');
  const listOfEvent = listBy('deliveries_by_event', 'event_id');

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
      const { from, below } = idRange(filter, after);
      const [statement, ...key] = narrowest(filter);
      const rows = statement.iterate(bare(account), ...key, from, below);
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

  function narrowest({ webhookId, eventId }: DeliveryFilter): [StatementSync, ...SQLInputValue[]] {
    if (eventId !== undefined) return [listOfEvent, bare(eventId)];
    if (webhookId !== undefined) return [listOfWebhook, bare(webhookId)];
    return [listOfAccount];
  }
}
