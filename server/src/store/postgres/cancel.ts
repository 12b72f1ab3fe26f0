import type { Store } from '../../core/ports.ts';
import { DELIVERY_COLUMNS, delivery } from '../delivery-rows.ts';
import { bare } from '../ids.ts';
import { type Belief, hasEpoch, tellOwner } from './fence.ts';
import { onceIn } from './once.ts';
import type { Transactions } from './transaction.ts';

export function cancelOperations(
  transactions: Transactions,
  belief: Belief,
): Pick<Store, 'cancelDelivery' | 'cancelPending'> {
  return {
    cancelDelivery: ({ accountId, deliveryId, reason, once }) =>
      transactions.write((transaction) => {
        const account = bare(accountId);
        const id = bare(deliveryId);
        return onceIn(transaction, account, once, async (keep) => {
          if ((await transaction.run(END_ONE, [account, id])) === 0) {
            const [found] = await transaction.rows(EXISTS, [account, id]);
            return found === undefined ? 'missing' : 'ended';
          }
          keep();
          const [cancelled] = await transaction.rows(CANCEL_ONE, [account, id, reason]);
          if (cancelled === undefined) throw new Error('an update returns its row');
          const result = delivery(cancelled);
          await tellOwner(transaction, belief, { accountId, webhookId: result.webhookId });
          return result;
        });
      }),

    cancelPending: (lane, reason, limit) =>
      transactions.write(async (transaction) => {
        const { rows, run } = transaction;
        if (!(await hasEpoch(transaction, lane))) return 0;
        const key = [bare(lane.accountId), bare(lane.webhookId)];
        // Enabled again since the caller read it: what is pending now was accepted for it.
        const [ended] = await rows(IS_ENDED, key);
        if (ended === undefined) return 0;
        return await run(CANCEL_PENDING, [...key, limit, reason]);
      }),
  };
}

/** Whoever takes its row has ended the delivery: a settlement does the same. */
const END_ONE = `
  delete from pending
  where account_id = $1 and delivery_id = $2
`;

const EXISTS = `
  select 1
  from deliveries
  where account_id = $1 and id = $2
`;

const CANCEL_ONE = `
  update deliveries
  set status = 'cancelled', due_at = null, cancel_reason = $3
  where account_id = $1 and id = $2
  returning ${DELIVERY_COLUMNS}
`;

const IS_ENDED = `
  select 1
  from webhooks
  where account_id = $1 and id = $2 and (status = 'disabled' or deleted_at is not null)
  for share
`;

const CANCEL_PENDING = `
  with ended as (
    delete from pending
    where account_id = $1 and delivery_id in (
      select delivery_id
      from pending
      where account_id = $1 and webhook_id = $2
      order by due_at, seq
      limit $3
      for update
    )
    returning delivery_id
  )
  update deliveries d
  set status = 'cancelled', due_at = null, cancel_reason = $4
  from ended
  where d.account_id = $1 and d.id = ended.delivery_id
`;
