import type { DatabaseSync } from 'node:sqlite';
import { covers } from '../../core/event-types.ts';
import type { NewId } from '../../core/ids.ts';
import type { DueDelivery, DueEvent, NewEvent, NewEvents } from '../../core/ports.ts';
import { bare, webhookId } from '../ids.ts';
import { text } from '../rows.ts';
import type { Once } from './once.ts';
import type { Operations } from './operation-types.ts';

export interface PublishPorts {
  once: Once;
  newId: NewId;
  madePending: (delivery: DueDelivery) => void;
  madeEvent: () => void;
}

export function publishOperations(
  db: DatabaseSync,
  { once, newId, madePending, madeEvent }: PublishPorts,
): Pick<Operations, 'publish'> {
  const version = db.prepare('select webhooks_version from accounts where id = ?');
  const subscribing = db.prepare(`
    select id, events
    from webhooks
    where account_id = ? and deleted_at is null and status <> 'disabled'
  `);
  const insertEvent = db.prepare(`
    insert into events (account_id, id, type, created_at, body)
    values (?, ?, ?, ?, ?)
  `);
  const insertDelivery = db.prepare(`
    insert into deliveries (account_id, id, webhook_id, event_id, event_type, "trigger", status,
      created_at, due_at)
    values (?, ?, ?, ?, ?, 'schedule', 'pending', ?, ?)
  `);

  return {
    publish(publish) {
      const account = bare(publish.accountId);
      return once.run(account, publish.once, () => {
        const { webhooksVersion } = publish;
        if (
          webhooksVersion !== null &&
          version.get(account)?.webhooks_version !== webhooksVersion
        ) {
          return 'stale';
        }
        once.keep(account, publish.once);
        const events = webhooksVersion === null ? matchedHere(account, publish) : publish.events;
        for (const event of events) insert(account, event);
        return 'accepted';
      });
    },
  };

  function insert(account: string, event: NewEvent): void {
    const eventId = bare(event.id);
    insertEvent.run(account, eventId, event.type, event.createdAt, event.body);
    madeEvent();
    if (event.deliveries.length === 0) return;
    const due: DueEvent = { id: event.id, type: event.type, body: event.body };
    for (const { id, webhookId } of event.deliveries) {
      const { lastInsertRowid } = insertDelivery.run(
        account,
        bare(id),
        bare(webhookId),
        eventId,
        event.type,
        event.createdAt,
        event.createdAt,
      );
      madePending({
        seq: Number(lastInsertRowid),
        accountId: event.accountId,
        id,
        webhookId,
        event: due,
        trigger: 'schedule',
        attemptCount: 0,
        dueAt: event.createdAt,
      });
    }
  }

  /** For an account whose webhooks change faster than publishers can match: it cannot starve. */
  function matchedHere(account: string, { events }: NewEvents): NewEvent[] {
    const webhooks = subscribing.all(account).map((row) => ({
      webhookId: webhookId(text(row, 'id')),
      subscriptions: JSON.parse(text(row, 'events')) as string[],
    }));
    return events.map((event) => ({
      ...event,
      deliveries: webhooks
        .filter(({ subscriptions }) => subscriptions.some((one) => covers(one, event.type)))
        .map(({ webhookId }) => ({ id: newId('delivery', event.id), webhookId })),
    }));
  }
}
