import type { DatabaseSync } from 'node:sqlite';
import { DELIVERY_COLUMNS, delivery } from '../delivery-rows.ts';
import { bare } from '../ids.ts';
import { FRESH, RETRY } from './due.ts';
import type { Once } from './once.ts';
import type { Operations } from './operation-types.ts';

export function cancelOperations(
  db: DatabaseSync,
  once: Once,
): Pick<Operations, 'cancelDelivery' | 'cancelPending'> {
  const status = db.prepare(`
    select status
    from deliveries
    where account_id = ? and id = ?
  `);
  const cancelOne = db.prepare(`
    update deliveries
    set status = 'cancelled', due_at = null, cancel_reason = ?
    where account_id = ? and id = ?
    returning ${DELIVERY_COLUMNS}
  `);
  const ended = db.prepare(`
    select 1
    from webhooks
    where account_id = ? and id = ? and (status = 'disabled' or deleted_at is not null)
  `);
  const cancelFresh = cancelWhere(FRESH);
  const cancelRetries = cancelWhere(RETRY);

  return {
    cancelDelivery({ accountId, deliveryId, reason, once: record }) {
      const account = bare(accountId);
      const id = bare(deliveryId);
      return once.run(account, record, () => {
        const found = status.get(account, id);
        if (found === undefined) return 'missing';
        if (found.status !== 'pending') return 'ended';
        once.keep(account, record);
        const cancelled = cancelOne.get(reason, account, id);
        if (cancelled === undefined) throw new Error('an update returns its row');
        return delivery(cancelled);
      });
    },

    cancelPending({ accountId, webhookId }, reason, limit) {
      // Enabled again since the caller read it: what is pending now was accepted for it.
      if (ended.get(bare(accountId), bare(webhookId)) === undefined) return 0;
      const key = [reason, bare(accountId), bare(webhookId)] as const;
      const fresh = Number(cancelFresh.run(...key, limit).changes);
      if (fresh === limit) return fresh;
      return fresh + Number(cancelRetries.run(...key, limit - fresh).changes);
    },
  };

  function cancelWhere(condition: string) {
    return db.prepare(`
      update deliveries
      set status = 'cancelled', due_at = null, cancel_reason = ?
      where seq in (
        select seq
        from deliveries
        where account_id = ? and webhook_id = ? and ${condition}
        limit ?
      )
    `);
  }
}
