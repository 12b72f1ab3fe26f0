import type { DatabaseSync } from 'node:sqlite';
import type { DueDelivery } from '../../core/ports.ts';
import { DELIVERY_COLUMNS, delivery, dueDelivery, dueEvent } from '../delivery-rows.ts';
import { bare } from '../ids.ts';
import { integer, text } from '../rows.ts';
import type { Once } from './once.ts';
import type { Operations } from './operation-types.ts';

export function redeliverOperations(
  db: DatabaseSync,
  { once, madePending }: { once: Once; madePending: (delivery: DueDelivery) => void },
): Pick<Operations, 'redeliver'> {
  const original = db.prepare(`
    select d.webhook_id, d.event_id, d.test, d.event_type, e.body, w.status as webhook_status,
      w.deleted_at
    from deliveries d
    join events e on e.account_id = d.account_id and e.id = d.event_id
    join webhooks w on w.account_id = d.account_id and w.id = d.webhook_id
    where d.account_id = ? and d.id = ?
  `);
  const insert = db.prepare(`
    insert into deliveries (account_id, id, webhook_id, event_id, test, event_type, "trigger",
      status, created_at, due_at)
    values (?, ?, ?, ?, ?, ?, 'manual', 'pending', ?, ?)
    returning seq, ${DELIVERY_COLUMNS}
  `);

  return {
    redeliver({ accountId, deliveryId, newId, createdAt, once: record }) {
      const account = bare(accountId);
      return once.run(account, record, () => {
        const row = original.get(account, bare(deliveryId));
        if (row === undefined) return 'missing';
        if (row.deleted_at !== null) return 'webhook_missing';
        if (row.webhook_status === 'disabled') return 'webhook_disabled';
        once.keep(account, record);
        const made = insert.get(
          account,
          bare(newId),
          text(row, 'webhook_id'),
          text(row, 'event_id'),
          integer(row, 'test'),
          text(row, 'event_type'),
          createdAt,
          createdAt,
        );
        if (made === undefined) throw new Error('an insert returns its row');
        madePending(dueDelivery(made, dueEvent(row)));
        return delivery(made);
      });
    },
  };
}
