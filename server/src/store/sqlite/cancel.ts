import type { DatabaseSync } from 'node:sqlite';
import { DELIVERY_COLUMNS, delivery } from './delivery-rows.ts';
import { bare } from './ids.ts';
import type { Once } from './once.ts';
import type { Operations } from './operation-types.ts';

export function cancelOperations(db: DatabaseSync, once: Once): Pick<Operations, 'cancelDelivery'> {
  const exists = db.prepare(`
    select 1
    from deliveries
    where account_id = ? and id = ?
  `);
  const cancel = db.prepare(`
    update deliveries
    set status = 'cancelled', due_at = null, cancel_reason = ?
    where account_id = ? and id = ? and status = 'pending'
    returning ${DELIVERY_COLUMNS}
  `);

  return {
    cancelDelivery({ accountId, deliveryId, reason, once: record }) {
      const account = bare(accountId);
      return once.run(account, record, () => {
        const row = cancel.get(reason, account, bare(deliveryId));
        if (row === undefined) {
          return exists.get(account, bare(deliveryId)) === undefined ? 'missing' : 'ended';
        }
        once.keep(account, record);
        return delivery(row);
      });
    },
  };
}
