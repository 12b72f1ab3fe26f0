import { MOMENT_DIGITS, momentOf } from '../core/ids.ts';
import type { Attempt, Delivery } from '../core/model.ts';
import type { DeliveryFilter, DueDelivery, DueEvent } from '../core/ports.ts';
import { accountId, attemptId, bare, deliveryId, eventId, webhookId } from './ids.ts';
import {
  AFTER_ALL_IDS,
  type IdRange,
  integer,
  integerOrNull,
  type Row,
  text,
  textOrNull,
} from './rows.ts';

/** The columns that `delivery` reads. */
export const DELIVERY_COLUMNS = `account_id, id, webhook_id, event_id, test, event_type, "trigger",
    status, created_at, due_at, cancel_reason, attempt_count, attempt_id, attempt_started_at,
    attempt_response_code, attempt_response_time_ms, attempt_response_body, attempt_failure,
    attempt_note`;

export function delivery(row: Row): Delivery {
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

/**
 * Deliveries that were asked for after their event, or made by an older program: `deliveries_later` has them.
 * The ids of those that were made with it begin as its own does.
 */
export const MADE_LATER = `substr(id, 1, ${MOMENT_DIGITS}) <> substr(event_id, 1, ${MOMENT_DIGITS})`;

/** Among these ids are those of the deliveries that were made with the event; none for what is no event's id. */
export function idsMadeWith(event: string): IdRange {
  const moment = momentOf(event);
  const below = moment.length < MOMENT_DIGITS ? moment : moment + AFTER_ALL_IDS;
  return { from: moment, below };
}

/** The ids that are in both. */
export function overlap(one: IdRange, other: IdRange): IdRange {
  return {
    from: one.from > other.from ? one.from : other.from,
    below: one.below < other.below ? one.below : other.below,
  };
}

/** The webhooks whose holds may keep some of these back, without their prefix. */
export function webhooksOfPending(found: readonly Delivery[]): string[] {
  const pending = found.filter(({ status }) => status === 'pending');
  return [...new Set(pending.map(({ webhookId: id }) => bare(id)))];
}

/** As they are shown: the next attempt is at the later of due time and hold. `holds` are rows of webhooks. */
export function heldBack(found: readonly Delivery[], holds: readonly Row[]): Delivery[] {
  const untilOf = new Map(
    holds.map((row) => [webhookId(text(row, 'id')), integer(row, 'held_until')]),
  );
  return found.map((one) => {
    const until = untilOf.get(one.webhookId);
    if (one.dueAt === null || until === undefined) return one;
    return { ...one, dueAt: Math.max(one.dueAt, until) };
  });
}

/** The columns that `dueDelivery` reads. */
export const DUE_COLUMNS = `seq, account_id, id, webhook_id, "trigger", attempt_count, due_at`;

/** A row of `deliveries`, and the event that it may share with others. */
export function dueDelivery(row: Row, event: DueEvent): DueDelivery {
  return {
    seq: integer(row, 'seq'),
    accountId: accountId(text(row, 'account_id')),
    id: deliveryId(text(row, 'id')),
    webhookId: webhookId(text(row, 'webhook_id')),
    event,
    trigger: text(row, 'trigger') as Delivery['trigger'],
    attemptCount: integer(row, 'attempt_count'),
    dueAt: integer(row, 'due_at'),
  };
}

/** A row of `deliveries` with the body of its event. */
export function dueEvent(row: Row): DueEvent {
  return {
    id: eventId(text(row, 'event_id'), integer(row, 'test')),
    type: text(row, 'event_type'),
    body: text(row, 'body'),
  };
}

/** A row of `attempts`. */
export function earlierAttempt(row: Row): Attempt {
  return {
    id: attemptId(text(row, 'id')),
    number: integer(row, 'number'),
    startedAt: integer(row, 'started_at'),
    responseCode: integerOrNull(row, 'response_code'),
    responseTimeMs: integerOrNull(row, 'response_time_ms'),
    responseBody: textOrNull(row, 'response_body'),
    failure: textOrNull(row, 'failure') as Attempt['failure'],
    note: textOrNull(row, 'note') as Attempt['note'],
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
    note: textOrNull(row, 'attempt_note') as Attempt['note'],
  };
}

/** For the part of a filter that no index serves. */
export function passesFilter(found: Delivery, filter: DeliveryFilter): boolean {
  const { status, type, webhookId, eventId } = filter;
  return (
    (status === undefined || found.status === status) &&
    (type === undefined || found.eventType === type) &&
    (webhookId === undefined || found.webhookId === webhookId) &&
    (eventId === undefined || found.eventId === eventId)
  );
}
