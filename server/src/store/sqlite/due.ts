import type { DatabaseSync } from 'node:sqlite';
import type { DueDelivery } from '../../core/ports.ts';
import { dueDelivery } from './delivery-rows.ts';
import { accountId, bare, webhookId } from './ids.ts';
import type { Operations } from './operation-types.ts';
import { integer, type Row, text } from './rows.ts';

/** The engine's questions. `status = 'pending'` stands as a literal: the partial index needs it. */
export function dueOperations(
  db: DatabaseSync,
): Pick<Operations, 'webhooksWithPending' | 'due' | 'cancelPending'> {
  const withPending = db.prepare(`
    select w.account_id, w.id, (
      select min(d.due_at)
      from deliveries d
      where d.account_id = w.account_id and d.webhook_id = w.id and d.status = 'pending'
    ) as due_at
    from webhooks w
    where (w.account_id, w.id) > (?, ?)
    order by w.account_id, w.id
    limit ?
  `);
  const dueOfWebhook = db.prepare(`
    select seq
    from deliveries
    where account_id = ? and webhook_id = ? and status = 'pending' and due_at <= ?
    order by due_at, seq
    limit ?
  `);
  const dueNext = db.prepare(`
    select min(due_at) as due_at
    from deliveries
    where account_id = ? and webhook_id = ? and status = 'pending' and due_at > ?
  `);
  const bySeq = db.prepare(`
    select d.seq, d.account_id, d.id, d.webhook_id, d.event_id, d.test, d.event_type, d."trigger",
      d.attempt_count, d.due_at, e.body
    from deliveries d
    join events e on e.account_id = d.account_id and e.id = d.event_id
    where d.seq = ? and d.account_id = ?
  `);
  const cancel = db.prepare(`
    update deliveries
    set status = 'cancelled', due_at = null, cancel_reason = ?
    where seq in (
      select seq
      from deliveries
      where account_id = ? and webhook_id = ? and status = 'pending'
      limit ?
    )
  `);

  return {
    webhooksWithPending({ after, limit }) {
      const from = after ?? { accountId: '', webhookId: '' };
      const rows = withPending.all(bare(from.accountId), bare(from.webhookId), limit);
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return {
        items: rows
          .filter((row) => row.due_at !== null)
          .map((row) => ({ ...ref(row), dueAt: integer(row, 'due_at') })),
        next: last === undefined ? null : ref(last),
      };
    },

    due({ accountId, webhookId, dueBefore, limit, bytesMax, except }) {
      const account = bare(accountId);
      const inMemory = new Set(except);
      // What is in memory is pending in the store as well, and as old as anything: read past it.
      const found = dueOfWebhook.all(
        account,
        bare(webhookId),
        dueBefore,
        inMemory.size + limit + 1,
      );
      const wanted = found.map((row) => integer(row, 'seq')).filter((seq) => !inMemory.has(seq));
      const deliveries: DueDelivery[] = [];
      let bytes = 0;
      for (const seq of wanted) {
        if (deliveries.length === limit || bytes >= bytesMax) break;
        const row = bySeq.get(seq, account);
        if (row === undefined) continue;
        const delivery = dueDelivery(row);
        bytes += delivery.body.length;
        deliveries.push(delivery);
      }
      const next = dueNext.get(account, bare(webhookId), dueBefore)?.due_at;
      return {
        deliveries,
        more: deliveries.length < wanted.length,
        nextDueAt: next == null ? null : Number(next),
      };
    },

    cancelPending({ accountId, webhookId }, reason, limit) {
      return Number(cancel.run(reason, bare(accountId), bare(webhookId), limit).changes);
    },
  };
}

function ref(row: Row) {
  return { accountId: accountId(text(row, 'account_id')), webhookId: webhookId(text(row, 'id')) };
}
