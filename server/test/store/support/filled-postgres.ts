import type pg from 'pg';
import { bare } from '../../../src/store/ids.ts';

export interface Filling {
  accountId: string;
  webhookIds: readonly string[];
  /** Events, each with one delivery, spread over the webhooks. */
  deliveries: number;
  /** Of so many deliveries one is pending; 0: none is. Of the pending ones every second was tried before. */
  pendingOneIn: number;
}

/** Retries that failed are due from 1 on; what was delivered began at 1,000,000 and later. */
export const FILLED_FROM = 1_000_000;

/** History as it would be, made in the server; it sorts before whatever is made now. */
export async function fill(client: pg.Client, filling: Filling): Promise<void> {
  const { accountId, webhookIds, deliveries, pendingOneIn } = filling;
  const key = [bare(accountId), webhookIds.map(bare), deliveries];
  const isPending = pendingOneIn === 0 ? 'false' : `number % ${pendingOneIn} = 0`;
  await client.query(
    `
      insert into events (account_id, id, type, created_at, body)
      select $1, ${ID}, 'user.created', ${FILLED_FROM} + number, '{"number":' || number || '}'
      from generate_series(1, $2::integer) as number
    `,
    [bare(accountId), deliveries],
  );
  await client.query(
    `
      insert into deliveries (account_id, id, webhook_id, event_id, event_type, "trigger", status,
        created_at, due_at, attempt_count, attempt_id, attempt_started_at, attempt_response_code,
        attempt_response_time_ms, sent_at)
      select $1, ${ID}, ($2::text[])[1 + number % array_length($2, 1)], ${ID}, 'user.created',
        'schedule', case when ${isPending} then 'pending' else 'delivered' end,
        ${FILLED_FROM} + number, null, 1, ${ID}, ${FILLED_FROM} + number, 200, 12,
        ${FILLED_FROM} + number
      from generate_series(1, $3::integer) as number
    `,
    key,
  );
  await client.query(
    `
      insert into attempts (account_id, delivery_id, id, number, started_at, response_code)
      select $1, ${ID}, 'a' || ${ID}, 1, ${FILLED_FROM} + number, 500
      from generate_series(1, $2::integer) as number
    `,
    [bare(accountId), deliveries],
  );
  await client.query(
    `
      insert into pending (account_id, webhook_id, delivery_id, due_at)
      select $1, ($2::text[])[1 + number % array_length($2, 1)], ${ID},
        case when number / ${Math.max(1, pendingOneIn)} % 2 = 0 then 0 else number end
      from generate_series(1, $3::integer) as number
      where ${isPending}
    `,
    key,
  );
}

/** As long as an id, each of a moment of its own. */
const ID = `lpad(number::text, 10, '0') || repeat('0', 14)`;

export function filledId(number: number): string {
  return String(number).padStart(10, '0') + '0'.repeat(14);
}
