import type { DatabaseSync } from 'node:sqlite';
import type { Attempt, Delivery } from '../../core/model.ts';
import { accountId, attemptId, bare, deliveryId, eventId, webhookId } from './ids.ts';
import type { Operations } from './operation-types.ts';
import {
  AFTER_ALL_IDS,
  integer,
  integerOrNull,
  pageOf,
  type Row,
  text,
  textOrNull,
} from './rows.ts';

const COLUMNS = `account_id, id, webhook_id, event_id, test, event_type, "trigger", status,
    created_at, due_at, cancel_reason, attempt_count, attempt_id, attempt_started_at,
    attempt_response_code, attempt_response_time_ms, attempt_response_body, attempt_failure`;

export function deliveryOperations(
  db: DatabaseSync,
): Pick<Operations, 'getDelivery' | 'listDeliveries'> {
  const select = db.prepare(`
    select ${COLUMNS}
    from deliveries
    where account_id = ? and id = ?
  `);
  const earlierAttempts = db.prepare(`
    select id, number, started_at, response_code, response_time_ms, response_body, failure
    from attempts
    where account_id = ? and delivery_id = ?
    order by id
  `);
  const list = db.prepare(`
    select ${COLUMNS}
    from deliveries
    where account_id = ? and webhook_id = ? and id < ?
    order by id desc
    limit ?
  `);

  return {
    getDelivery(account, id) {
      const row = select.get(bare(account), bare(id));
      if (row === undefined) return null;
      const found = delivery(row);
      const attempts = earlierAttempts.all(bare(account), bare(id)).map(earlierAttempt);
      if (found.lastAttempt !== null) attempts.push(found.lastAttempt);
      return { delivery: found, attempts };
    },
    listDeliveries(account, webhook, { limit, after = AFTER_ALL_IDS }) {
      const rows = list.all(bare(account), bare(webhook), bare(after), limit + 1);
      return pageOf(rows, limit, delivery);
    },
  };
}

function delivery(row: Row): Delivery {
  return {
    accountId: accountId(text(row, 'account_id')),
    id: deliveryId(text(row, 'id')),
    webhookId: webhookId(text(row, 'webhook_id')),
    eventId: eventId(text(row, 'event_id'), integer(row, 'test')),
    eventType: text(row, 'event_type'),
    trigger: text(row, 'trigger') as Delivery['trigger'],
    status: text(row, 'status') as Delivery['status'],
    createdAt: integer(row, 'created_at'),
    dueAt: integerOrNull(row, 'due_at'),
    cancelReason: textOrNull(row, 'cancel_reason'),
    attemptCount: integer(row, 'attempt_count'),
    lastAttempt: row.attempt_id === null ? null : lastAttempt(row),
  };
}

function lastAttempt(row: Row): Attempt {
  return {
    id: attemptId(text(row, 'attempt_id')),
    number: integer(row, 'attempt_count'),
    startedAt: integer(row, 'attempt_started_at'),
    responseCode: integerOrNull(row, 'attempt_response_code'),
    responseTimeMs: integerOrNull(row, 'attempt_response_time_ms'),
    responseBody: textOrNull(row, 'attempt_response_body'),
    failure: textOrNull(row, 'attempt_failure') as Attempt['failure'],
  };
}

function earlierAttempt(row: Row): Attempt {
  return {
    id: attemptId(text(row, 'id')),
    number: integer(row, 'number'),
    startedAt: integer(row, 'started_at'),
    responseCode: integerOrNull(row, 'response_code'),
    responseTimeMs: integerOrNull(row, 'response_time_ms'),
    responseBody: textOrNull(row, 'response_body'),
    failure: textOrNull(row, 'failure') as Attempt['failure'],
  };
}
