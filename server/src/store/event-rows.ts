import { firstIdAt } from '../core/ids.ts';
import type { Event } from '../core/model.ts';
import type { EventFilter } from '../core/ports.ts';
import { accountId, bare, eventId } from './ids.ts';
import { AFTER_ALL_IDS, type IdRange, integer, type Row, text } from './rows.ts';

/** The columns that `event` reads. */
export const EVENT_COLUMNS = 'account_id, id, test, type, created_at, body';

/** Ids sort by time, so a span of time is a range of ids; `after` is where the page before ended. */
export function idRange(
  { createdAfter, createdBefore }: EventFilter,
  after: string | undefined,
): IdRange {
  const end = createdBefore === undefined ? AFTER_ALL_IDS : firstIdAt(createdBefore);
  const position = after === undefined ? AFTER_ALL_IDS : bare(after);
  return {
    from: createdAfter === undefined ? '' : firstIdAt(createdAfter),
    below: position < end ? position : end,
  };
}

export function event(row: Row): Event {
  return {
    accountId: accountId(text(row, 'account_id')),
    id: eventId(text(row, 'id'), integer(row, 'test')),
    type: text(row, 'type'),
    createdAt: integer(row, 'created_at'),
    body: text(row, 'body'),
  };
}
