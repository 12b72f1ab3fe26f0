import type { DatabaseSync } from 'node:sqlite';
import { covers } from '../../core/event-types.ts';
import { firstIdAt, type NewId } from '../../core/ids.ts';
import type { DueDelivery } from '../../core/ports.ts';
import { DUE_COLUMNS, dueDelivery, dueEvent, idsMadeWith, MADE_LATER } from '../delivery-rows.ts';
import { accountId, bare, recoveryId, webhookId } from '../ids.ts';
import { RECOVERY_COLUMNS, recovery } from '../recovery-rows.ts';
import { integer, type Row, text } from '../rows.ts';
import type { Once } from './once.ts';
import type { Operations } from './operation-types.ts';

export interface RecoveryPorts {
  once: Once;
  newId: NewId;
  madePending: (delivery: DueDelivery) => void;
}

export function recoveryOperations(
  db: DatabaseSync,
  { once, newId, madePending }: RecoveryPorts,
): Pick<Operations, 'createRecovery' | 'getRecovery' | 'runningRecoveries' | 'recoverStep'> {
  const webhookOf = db.prepare(`
    select status, events
    from webhooks
    where account_id = ? and id = ? and deleted_at is null
  `);
  const runningOf = db.prepare(`
    select 1
    from recoveries
    where account_id = ? and webhook_id = ? and status = 'running'
  `);
  const insert = db.prepare(`
    insert into recoveries (account_id, id, webhook_id, since, until, position, status,
      delivery_count, created_at, ended_at)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  `);
  const select = db.prepare(`
    select position, ${RECOVERY_COLUMNS}
    from recoveries
    where account_id = ? and id = ?
  `);
  const running = db.prepare(`
    select account_id, id, webhook_id
    from recoveries
    where status = 'running'
  `);
  const eventsAfter = db.prepare(`
    select id, test, type
    from events
    where account_id = ? and id > ? and id < ?
    order by id
    limit ?
  `);
  // An event has few deliveries, a webhook has many.
  const deliveryBy = (index: string, condition: string) => `
    select 1
    from deliveries indexed by ${index}
    where account_id = ? and event_id = ? and webhook_id = ? and status in ('pending', 'delivered')
      and ${condition}
  `;
  const hasDelivery = db.prepare(`
    ${deliveryBy('deliveries_by_id', 'id >= ? and id < ?')}
    union all
    ${deliveryBy('deliveries_later', MADE_LATER)}
    limit 1
  `);
  const eventOf = db.prepare(`
    select id as event_id, test, type as event_type, body
    from events
    where account_id = ? and id = ?
  `);
  const insertDelivery = db.prepare(`
    insert into deliveries (account_id, id, webhook_id, event_id, event_type, "trigger", status,
      created_at, due_at)
    values (?, ?, ?, ?, ?, 'manual', 'pending', ?, ?)
    returning ${DUE_COLUMNS}
  `);
  const goOn = db.prepare(`
    update recoveries
    set position = ?, delivery_count = delivery_count + ?, status = ?, ended_at = ?
    where account_id = ? and id = ?
  `);

  return {
    createRecovery({ once: record, ...recovery }) {
      const account = bare(recovery.accountId);
      const webhook = bare(recovery.webhookId);
      return once.run(account, record, () => {
        const found = webhookOf.get(account, webhook);
        if (found === undefined) return 'webhook_missing';
        if (found.status === 'disabled') return 'webhook_disabled';
        if (runningOf.get(account, webhook) !== undefined) return 'already_running';
        once.keep(account, record);
        insert.run(
          account,
          bare(recovery.id),
          webhook,
          recovery.since,
          recovery.until,
          firstIdAt(recovery.since),
          recovery.status,
          recovery.deliveryCount,
          recovery.createdAt,
          recovery.endedAt,
        );
        return 'created';
      });
    },

    getRecovery(accountId, id) {
      const row = select.get(bare(accountId), bare(id));
      return row === undefined ? null : recovery(row);
    },

    runningRecoveries() {
      return running.all().map((row) => ({
        id: recoveryId(text(row, 'id')),
        webhook: {
          accountId: accountId(text(row, 'account_id')),
          webhookId: webhookId(text(row, 'webhook_id')),
        },
      }));
    },

    recoverStep({ accountId, id, limit, now }) {
      const key = [bare(accountId), bare(id)] as const;
      const row = select.get(...key);
      if (row?.status !== 'running') return { made: 0, isDone: true };
      const [account] = key;
      const position = text(row, 'position');
      const webhook = webhookOf.get(account, text(row, 'webhook_id'));
      if (webhook === undefined || webhook.status === 'disabled') {
        goOn.run(position, 0, 'cancelled', now, ...key);
        return { made: 0, isDone: true };
      }
      const below = firstIdAt(integer(row, 'until'));
      const events = eventsAfter.all(account, position, below, limit);
      const subscriptions = JSON.parse(text(webhook, 'events')) as string[];
      const missed = events.filter((event) => isMissed(row, subscriptions, event));
      for (const event of missed) bringBack(row, event, now);
      const last = events.at(-1);
      const reached = last === undefined ? position : text(last, 'id');
      const isDone = events.length < limit;
      goOn.run(reached, missed.length, isDone ? 'done' : 'running', isDone ? now : null, ...key);
      return { made: missed.length, isDone };
    },
  };

  function isMissed(recovery: Row, subscriptions: readonly string[], event: Row): boolean {
    if (integer(event, 'test') === 1) return false;
    const type = text(event, 'type');
    if (!subscriptions.some((one) => covers(one, type))) return false;
    const id = text(event, 'id');
    const key = [text(recovery, 'account_id'), id, text(recovery, 'webhook_id')];
    const { from, below } = idsMadeWith(id);
    return hasDelivery.get(...key, from, below, ...key) === undefined;
  }

  function bringBack(recovery: Row, missed: Row, now: number): void {
    const account = text(recovery, 'account_id');
    const id = text(missed, 'id');
    const event = eventOf.get(account, id);
    const made = insertDelivery.get(
      account,
      bare(newId('delivery')),
      text(recovery, 'webhook_id'),
      id,
      text(missed, 'type'),
      now,
      now,
    );
    if (event === undefined || made === undefined) throw new Error('both rows are there');
    madePending(dueDelivery(made, dueEvent(event)));
  }
}
