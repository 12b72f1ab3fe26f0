import type { DatabaseSync } from 'node:sqlite';
import { covers } from '../../core/event-types.ts';
import { firstIdAt, ID_PREFIXES, type NewId } from '../../core/ids.ts';
import type { Recovery } from '../../core/model.ts';
import type { DueDelivery } from '../../core/ports.ts';
import { accountId, bare, eventId, webhookId } from './ids.ts';
import type { Once } from './once.ts';
import type { Operations } from './operation-types.ts';
import { integer, integerOrNull, type Row, text } from './rows.ts';
import { subscriptions } from './webhook-rows.ts';

export interface RecoveryPorts {
  once: Once;
  newId: NewId;
  madePending: (delivery: DueDelivery) => void;
}

export function recoveryOperations(
  db: DatabaseSync,
  { once, newId, madePending }: RecoveryPorts,
): Pick<Operations, 'createRecovery' | 'getRecovery' | 'runningRecoveries' | 'recoverStep'> {
  const statusOfWebhook = db.prepare(`
    select status
    from webhooks
    where account_id = ? and id = ? and deleted_at is null
  `);
  const runningOfWebhook = db.prepare(`
    select 1
    from recoveries
    where account_id = ? and webhook_id = ? and status = 'running'
  `);
  const insert = db.prepare(`
    insert into recoveries (account_id, id, webhook_id, since, until, position, status,
      delivery_count, created_at)
    values (?, ?, ?, ?, ?, ?, 'running', 0, ?)
  `);
  const select = db.prepare(`
    select account_id, id, webhook_id, since, until, position, status, delivery_count, created_at,
      ended_at
    from recoveries
    where account_id = ? and id = ?
  `);
  const running = db.prepare(`
    select account_id, id, webhook_id
    from recoveries
    where status = 'running'
  `);
  const goOn = db.prepare(`
    update recoveries
    set position = ?, delivery_count = delivery_count + ?, status = ?, ended_at = ?
    where account_id = ? and id = ?
  `);
  const webhookOf = db.prepare(`
    select status, events
    from webhooks
    where account_id = ? and id = ? and deleted_at is null
  `);
  const eventsAfter = db.prepare(`
    select id, type, body
    from events
    where account_id = ? and id > ? and id < ? and test = 0
    order by id
    limit ?
  `);
  const hasDelivery = db.prepare(`
    select 1
    from deliveries
    where account_id = ? and event_id = ? and webhook_id = ? and status in ('pending', 'delivered')
  `);
  const insertDelivery = db.prepare(`
    insert into deliveries (account_id, id, webhook_id, event_id, event_type, "trigger", status,
      created_at, due_at)
    values (?, ?, ?, ?, ?, 'manual', 'pending', ?, ?)
  `);

  return {
    createRecovery({ once: record, ...recovery }) {
      const account = bare(recovery.accountId);
      const webhook = bare(recovery.webhookId);
      return once.run(account, record, () => {
        const row = statusOfWebhook.get(account, webhook);
        if (row === undefined) return 'webhook_missing';
        if (row.status === 'disabled') return 'webhook_disabled';
        if (runningOfWebhook.get(account, webhook) !== undefined) return 'already_running';
        once.keep(account, record);
        const { id, since, until, createdAt } = recovery;
        insert.run(account, bare(id), webhook, since, until, firstIdAt(since), createdAt);
        return 'created';
      });
    },

    getRecovery(account, id) {
      const row = select.get(bare(account), bare(id));
      return row === undefined ? null : recovery(row);
    },

    runningRecoveries() {
      return running.all().map((row) => ({
        id: ID_PREFIXES.recovery + text(row, 'id'),
        webhook: {
          accountId: accountId(text(row, 'account_id')),
          webhookId: webhookId(text(row, 'webhook_id')),
        },
      }));
    },

    recoverStep({ accountId, id, limit, now }) {
      const key = [bare(accountId), bare(id)] as const;
      const row = select.get(...key);
      if (row === undefined || row.status !== 'running') return { made: 0, isDone: true };
      const webhook = webhookOf.get(key[0], text(row, 'webhook_id'));
      const position = text(row, 'position');
      if (webhook === undefined || webhook.status === 'disabled') {
        goOn.run(position, 0, 'cancelled', now, ...key);
        return { made: 0, isDone: true };
      }
      const below = firstIdAt(integer(row, 'until'));
      const events = eventsAfter.all(key[0], position, below, limit);
      const missed = events.filter((event) => isMissed(event, key[0], row, subscriptions(webhook)));
      for (const event of missed) deliver(event, key[0], text(row, 'webhook_id'), now);
      const last = events.at(-1);
      const isDone = events.length < limit;
      const end = isDone ? (['done', now] as const) : (['running', null] as const);
      goOn.run(last === undefined ? position : text(last, 'id'), missed.length, ...end, ...key);
      return { made: missed.length, isDone };
    },
  };

  function isMissed(event: Row, account: string, of: Row, wanted: readonly string[]): boolean {
    const type = text(event, 'type');
    if (!wanted.some((subscription) => covers(subscription, type))) return false;
    return hasDelivery.get(account, text(event, 'id'), text(of, 'webhook_id')) === undefined;
  }

  function deliver(event: Row, account: string, webhook: string, now: number): void {
    const id = newId('delivery');
    const type = text(event, 'type');
    const key = [account, bare(id), webhook, text(event, 'id'), type] as const;
    const { lastInsertRowid } = insertDelivery.run(...key, now, now);
    madePending({
      seq: Number(lastInsertRowid),
      accountId: accountId(account),
      id,
      webhookId: webhookId(webhook),
      event: { id: eventId(text(event, 'id'), 0), type, body: text(event, 'body') },
      trigger: 'manual',
      attemptCount: 0,
      dueAt: now,
    });
  }
}

function recovery(row: Row): Recovery {
  return {
    accountId: accountId(text(row, 'account_id')),
    id: ID_PREFIXES.recovery + text(row, 'id'),
    webhookId: webhookId(text(row, 'webhook_id')),
    since: integer(row, 'since'),
    until: integer(row, 'until'),
    status: text(row, 'status') as Recovery['status'],
    deliveryCount: integer(row, 'delivery_count'),
    createdAt: integer(row, 'created_at'),
    endedAt: integerOrNull(row, 'ended_at'),
  };
}
