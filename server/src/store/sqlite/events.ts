import type { DatabaseSync } from 'node:sqlite';
import { firstIdAt } from '../../core/ids.ts';
import type { Event } from '../../core/model.ts';
import type { EventFilter } from '../../core/ports.ts';
import { accountId, bare, eventId, isTestEvent } from './ids.ts';
import type { Operations } from './operation-types.ts';
import { AFTER_ALL_IDS, filteredPage, integer, type Row, text } from './rows.ts';

const COLUMNS = 'account_id, id, test, type, created_at, body';

export function eventOperations(
  db: DatabaseSync,
): Pick<Operations, 'getEvent' | 'listEvents' | 'recordTest'> {
  const select = db.prepare(`
    select ${COLUMNS}
    from events
    where account_id = ? and id = ? and test = ?
  `);
  const list = db.prepare(`
    select ${COLUMNS}
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

/** Ids sort by time, so a span of time is a range of ids; `after` is where the page before ended. */
export function idRange(
  { createdAfter, createdBefore }: EventFilter,
  after: string | undefined,
): { from: string; below: string } {
  const end = createdBefore === undefined ? AFTER_ALL_IDS : firstIdAt(createdBefore);
  const position = after === undefined ? AFTER_ALL_IDS : bare(after);
  return {
    from: createdAfter === undefined ? '' : firstIdAt(createdAfter),
    below: position < end ? position : end,
  };
}

function event(row: Row): Event {
  return {
    accountId: accountId(text(row, 'account_id')),
    id: eventId(text(row, 'id'), integer(row, 'test')),
    type: text(row, 'type'),
    createdAt: integer(row, 'created_at'),
    body: text(row, 'body'),
  };
}
