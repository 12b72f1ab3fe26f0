import type { DatabaseSync } from 'node:sqlite';
import type { Event } from '../../core/model.ts';
import type { DueDelivery } from '../../core/ports.ts';
import { bare, eventId, isTestEvent } from './ids.ts';
import type { Operations } from './operation-types.ts';
import { integer, text } from './rows.ts';

export function publishOperations(
  db: DatabaseSync,
  madePending: (delivery: DueDelivery) => void,
): Pick<Operations, 'publish' | 'getEvent' | 'recordTest'> {
  const version = db.prepare('select webhooks_version from accounts where id = ?');
  const insertEvent = db.prepare(`
    insert into events (account_id, id, test, type, created_at, body)
    values (?, ?, ?, ?, ?, ?)
  `);
  const insertDelivery = db.prepare(`
    insert into deliveries (account_id, id, webhook_id, event_id, event_type, "trigger", status,
      created_at, due_at)
    values (?, ?, ?, ?, ?, 'schedule', 'pending', ?, ?)
  `);
  const insertTestDelivery = db.prepare(`
    insert into deliveries (account_id, id, webhook_id, event_id, test, event_type, "trigger",
      status, created_at, attempt_count, attempt_id, attempt_started_at, attempt_response_code,
      attempt_response_time_ms, attempt_response_body, attempt_failure)
    values (?, ?, ?, ?, 1, ?, 'test', ?, ?, ?, ?, ?, ?, ?, ?, ?)
  `);
  const selectEvent = db.prepare(`
    select type, created_at, body, test
    from events
    where account_id = ? and id = ? and test = ?
  `);

  const writeEvent = (event: Event) =>
    insertEvent.run(
      bare(event.accountId),
      bare(event.id),
      isTestEvent(event.id),
      event.type,
      event.createdAt,
      event.body,
    );

  return {
    publish(event) {
      const account = bare(event.accountId);
      if (version.get(account)?.webhooks_version !== event.webhooksVersion) return 'stale';
      writeEvent(event);
      const bareEventId = bare(event.id);
      for (const { id, webhookId } of event.deliveries) {
        const { lastInsertRowid } = insertDelivery.run(
          account,
          bare(id),
          bare(webhookId),
          bareEventId,
          event.type,
          event.createdAt,
          event.createdAt,
        );
        madePending({
          seq: Number(lastInsertRowid),
          accountId: event.accountId,
          id,
          webhookId,
          eventId: event.id,
          eventType: event.type,
          trigger: 'schedule',
          attemptCount: 0,
          dueAt: event.createdAt,
          body: event.body,
        });
      }
      return 'accepted';
    },

    getEvent(accountId, id) {
      const row = selectEvent.get(bare(accountId), bare(id), isTestEvent(id));
      if (row === undefined) return null;
      return {
        accountId,
        id: eventId(bare(id), integer(row, 'test')),
        type: text(row, 'type'),
        createdAt: integer(row, 'created_at'),
        body: text(row, 'body'),
      };
    },

    recordTest({ event, deliveryId, webhookId, status, attempt }) {
      writeEvent(event);
      insertTestDelivery.run(
        bare(event.accountId),
        bare(deliveryId),
        bare(webhookId),
        bare(event.id),
        event.type,
        status,
        event.createdAt,
        attempt.number,
        bare(attempt.id),
        attempt.startedAt,
        attempt.responseCode,
        attempt.responseTimeMs,
        attempt.responseBody,
        attempt.failure,
      );
    },
  };
}
