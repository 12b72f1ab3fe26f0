import { PosthornError } from '../core/errors.ts';
import type { DeliveryStatus } from '../core/model.ts';
import type { DeliveryFilter, EventFilter } from '../core/ports.ts';
import { parseMoment } from '../core/time.ts';

interface EventQuery {
  type?: string;
  created_after?: string;
  created_before?: string;
}

interface DeliveryQuery extends EventQuery {
  status?: DeliveryStatus;
  webhook_id?: string;
  event_id?: string;
}

/** The filters of a list, as the store takes them. */
export function eventFilter({ type, created_after, created_before }: EventQuery): EventFilter {
  return {
    type,
    createdAfter: moment('created_after', created_after),
    createdBefore: moment('created_before', created_before),
  };
}

export function deliveryFilter(query: DeliveryQuery): DeliveryFilter {
  return {
    ...eventFilter(query),
    status: query.status,
    webhookId: query.webhook_id,
    eventId: query.event_id,
  };
}

function moment(parameter: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseMoment(text);
  if (ms !== undefined) return ms;
  const hint = / \d\d:\d\d$/.test(text) ? ' In a URL "+" is written as "%2B".' : '';
  const detail = `"${parameter}" must be a time such as 2023-12-01T10:00:00Z.${hint}`;
  throw new PosthornError('invalid_query', detail, {
    faults: [{ pointer: parameter, code: 'invalid_time', detail }],
  });
}
