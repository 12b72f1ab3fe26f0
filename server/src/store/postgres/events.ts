import type { Event } from '../../core/model.ts';
import type { Store } from '../../core/ports.ts';
import { EVENT_COLUMNS, event, idRange } from '../event-rows.ts';
import { bare, isTestEvent } from '../ids.ts';
import { readFiltered } from './pages.ts';
import type { Transactions } from './transaction.ts';

export function eventOperations(
  transactions: Transactions,
): Pick<Store, 'getEvent' | 'listEvents' | 'recordTest'> {
  return {
    async getEvent(account, id) {
      const key = [bare(account), bare(id), isTestEvent(id)];
      const [row] = await transactions.readRows(SELECT, key);
      return row === undefined ? null : event(row);
    },

    listEvents: (account, filter, { limit, after }) =>
      transactions.read(({ rows }) => {
        const { from, below } = idRange(filter, after);
        return readFiltered({
          limit,
          below,
          isFiltered: filter.type !== undefined,
          read: (end, count) => rows(LIST, [bare(account), from, end, count]),
          item: event,
          passes: ({ type }: Event) => filter.type === undefined || type === filter.type,
        });
      }),

    recordTest: ({ event, deliveryId, webhookId, status, attempt }) =>
      transactions.write(async ({ run }) => {
        const account = bare(event.accountId);
        const { id, type, createdAt, body } = event;
        await Promise.all([
          run(INSERT_TEST_EVENT, [account, bare(id), type, createdAt, body]),
          run(INSERT_TEST_DELIVERY, [
            account,
            bare(deliveryId),
            bare(webhookId),
            bare(id),
            type,
            status,
            createdAt,
            attempt.number,
            bare(attempt.id),
            attempt.startedAt,
            attempt.responseCode,
            attempt.responseTimeMs,
            attempt.responseBody,
            attempt.failure,
            attempt.note,
          ]),
        ]);
      }),
  };
}

const SELECT = `
  select ${EVENT_COLUMNS}
  from events
  where account_id = $1 and id = $2 and test = $3
`;

const LIST = `
  select ${EVENT_COLUMNS}
  from events
  where account_id = $1 and id >= $2 and id < $3
  order by id desc
  limit $4
`;

const INSERT_TEST_EVENT = `
  insert into events (account_id, id, test, type, created_at, body)
  values ($1, $2, 1, $3, $4, $5)
`;

const INSERT_TEST_DELIVERY = `
  insert into deliveries (account_id, id, webhook_id, event_id, test, event_type, "trigger",
    status, created_at, attempt_count, attempt_id, attempt_started_at, attempt_response_code,
    attempt_response_time_ms, attempt_response_body, attempt_failure, attempt_note)
  values ($1, $2, $3, $4, 1, $5, 'test', $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
`;
