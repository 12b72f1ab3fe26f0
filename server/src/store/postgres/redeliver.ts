import type { Store } from '../../core/ports.ts';
import { DELIVERY_COLUMNS, delivery, dueDelivery, dueEvent } from '../delivery-rows.ts';
import { bare } from '../ids.ts';
import { integer, text } from '../rows.ts';
import { type Belief, handOverOrWake } from './fence.ts';
import { onceIn } from './once.ts';
import type { Transactions } from './transaction.ts';

export function redeliverOperations(
  transactions: Transactions,
  belief: Belief,
): Pick<Store, 'redeliver'> {
  return {
    redeliver: ({ accountId, deliveryId, newId, createdAt, once }) =>
      transactions.write((transaction) => {
        const account = bare(accountId);
        return onceIn(transaction, account, once, async (keep) => {
          const [row] = await transaction.rows(ORIGINAL, [account, bare(deliveryId)]);
          if (row === undefined) return 'missing';
          if (row.deleted_at !== null) return 'webhook_missing';
          if (row.webhook_status === 'disabled') return 'webhook_disabled';
          keep();
          const webhook = text(row, 'webhook_id');
          // The number is drawn after something else was written: `floors.ts` says why.
          const [[made], [pending]] = await Promise.all([
            transaction.rows(INSERT, [
              account,
              bare(newId),
              webhook,
              text(row, 'event_id'),
              integer(row, 'test'),
              text(row, 'event_type'),
              createdAt,
            ]),
            transaction.rows(INSERT_PENDING, [account, webhook, bare(newId)]),
          ]);
          if (made === undefined) throw new Error('an insert returns its row');
          const due = dueDelivery({ ...made, ...pending }, dueEvent(row));
          await handOverOrWake(transaction, belief, [due]);
          return delivery(made);
        });
      }),
  };
}

const ORIGINAL = `
  select d.webhook_id, d.event_id, d.test, d.event_type, e.body, w.status as webhook_status,
    w.deleted_at
  from deliveries d
  join events e on e.account_id = d.account_id and e.id = d.event_id
  join webhooks w on w.account_id = d.account_id and w.id = d.webhook_id
  where d.account_id = $1 and d.id = $2
`;

const INSERT_PENDING = `
  insert into pending (account_id, webhook_id, delivery_id)
  values ($1, $2, $3)
  returning seq
`;

const INSERT = `
  insert into deliveries (account_id, id, webhook_id, event_id, test, event_type, "trigger",
    status, created_at, due_at)
  values ($1, $2, $3, $4, $5, $6, 'manual', 'pending', $7, $7)
  returning ${DELIVERY_COLUMNS}
`;
