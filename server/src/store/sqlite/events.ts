import type { DatabaseSync } from 'node:sqlite';
import type { Event } from '../../core/model.ts';
import { EVENT_COLUMNS, event, idRange } from '../event-rows.ts';
import { bare, isTestEvent } from '../ids.ts';
import { filteredPage } from '../rows.ts';
import type { Operations } from './operation-types.ts';

export function eventOperations(
  db: DatabaseSync,
): Pick<Operations, 'getEvent' | 'listEvents' | 'recordTest'> {
  const select = db.prepare(`
    select ${EVENT_COLUMNS}
    from events
    where account_id = ? and id = ? and test = ?
  `);
  const list = db.prepare(`
    select ${EVENT_COLUMNS}
    from events
    where account_id = ? and id >= ? and id < ?
    order by id desc
  `);
  const insertTestEvent = db.prepare(`
    insert into events (account_id, id, test, type, created_at, body)
    values (?, ?, 1, ?, ?, ?)
  `);
  const insertTestDelivery = db.prepare(`
    insert into deliveries (account_id, id, webhook_id, event_id, test, event_type, "trigger",
      status, created_at, attempt_count, attempt_id, attempt_started_at, attempt_response_code,
      attempt_response_time_ms, attempt_response_body, attempt_failure, attempt_note)
    values (?, ?, ?, ?, 1, ?, 'test', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  `);

  return {
    getEvent(account, id) {
      const row = select.get(bare(account), bare(id), isTestEvent(id));
      return row === undefined ? null : event(row);
    },

    listEvents(account, filter, { limit, after }) {
      const { from, below } = idRange(filter, after);
      const rows = list.iterate(bare(account), from, below);
      const passes = ({ type }: Event) => filter.type === undefined || type === filter.type;
      return filteredPage(rows, limit, { item: event, passes });
    },

    recordTest({ event, deliveryId, webhookId, status, attempt }) {
      const account = bare(event.accountId);
      insertTestEvent.run(account, bare(event.id), event.type, event.createdAt, event.body);
      insertTestDelivery.run(
        account,
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
        attempt.note,
      );
    },
  };
}
