import type { Earlier, OnceRecord, OnceResult, Store } from '../../core/ports.ts';
import { bare } from '../ids.ts';
import { integer, integerOrNull, type Row, text } from '../rows.ts';
import { DatabaseFault } from './faults.ts';
import type { Transaction, Transactions } from './transaction.ts';

/**
 * Does the work of a call that happens once, or answers from an earlier record. The record is the
 * first thing that is written, so that of two calls with one key the second waits for what comes of
 * the first; it goes again when the work does not `keep` it. `account` is bare.
 */
export async function onceIn<Result>(
  transaction: Transaction,
  account: string,
  record: OnceRecord | undefined,
  work: (keep: () => void) => Promise<Result>,
): Promise<OnceResult<Result>> {
  if (record === undefined) return { result: await work(() => {}) };
  const { key, createdAt } = record;
  if ((await transaction.run(INSERT, recordValues(account, record))) === 0) {
    return { earlier: await earlierOf(transaction, account, key, createdAt) };
  }
  let isKept = false;
  const result = await work(() => {
    isKept = true;
  });
  if (!isKept) await transaction.run(REMOVE, [account, key]);
  return { result };
}

async function earlierOf(
  transaction: Transaction,
  account: string,
  key: string,
  createdAt: number,
): Promise<Earlier> {
  const [row] = await transaction.rows(EARLIER, [account, key, createdAt]);
  if (row !== undefined) return earlier(row);
  throw new DatabaseFault('conflict', 'a record expired meanwhile', { cause: null });
}

export function earlier(row: Row): Earlier {
  return {
    fingerprint: text(row, 'fingerprint'),
    status: integerOrNull(row, 'status'),
    body: text(row, 'body'),
    sealed: integer(row, 'sealed') === 1,
  };
}

type Begun = Omit<OnceRecord, 'status' | 'body' | 'sealed'>;

function recordValues(account: string, record: OnceRecord): unknown[] {
  const { key, fingerprint, status, body, sealed, createdAt, expiresAt } = record;
  return [account, key, fingerprint, status, body, sealed ? 1 : 0, createdAt, expiresAt];
}

const COLUMNS = `account_id, key, fingerprint, status, body, sealed, created_at, expires_at`;

export const REPLACE_EXPIRED = `
  on conflict (account_id, key) do update
  set fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body,
    sealed = excluded.sealed, created_at = excluded.created_at, expires_at = excluded.expires_at
  where idempotency.expires_at <= excluded.created_at
`;

const INSERT = `
  insert into idempotency (${COLUMNS})
  values ($1, $2, $3, $4, $5, $6, $7, $8)
  ${REPLACE_EXPIRED}
`;

const PUT = `
  insert into idempotency (${COLUMNS})
  values ($1, $2, $3, $4, $5, $6, $7, $8)
  on conflict (account_id, key) do update
  set fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body,
    sealed = excluded.sealed, created_at = excluded.created_at, expires_at = excluded.expires_at
`;

export const EARLIER = `
  select fingerprint, status, body, sealed
  from idempotency
  where account_id = $1 and key = $2 and expires_at > $3
`;

const REMOVE = `
  delete from idempotency
  where account_id = $1 and key = $2
`;

const REMOVE_BEGUN = `
  delete from idempotency
  where account_id = $1 and key = $2 and status is null
`;

const REMOVE_EXPIRED = `
  delete from idempotency
  where (account_id, key) in (
    select account_id, key
    from idempotency
    where expires_at <= $1
    limit $2
    for update skip locked
  )
`;

const FORGET_SECRETS = `
  update webhooks
  set secret_before_sealed = null, secret_before_until = null, secret_prefers_new = 0
  where (account_id, id) in (
    select account_id, id
    from webhooks
    where secret_before_until <= $1
    limit $2
    for update skip locked
  )
`;

export function onceOperations(
  transactions: Transactions,
): Pick<Store, 'beginOnce' | 'completeOnce' | 'abandonOnce' | 'forgetExpired'> {
  return {
    beginOnce: (accountId, begun) =>
      transactions.write(async (transaction) => {
        const account = bare(accountId);
        if ((await transaction.run(INSERT, begunValues(account, begun))) === 1) {
          return { result: 'begun' as const };
        }
        return { earlier: await earlierOf(transaction, account, begun.key, begun.createdAt) };
      }),

    completeOnce: (accountId, record) =>
      transactions.write(async ({ run }) => {
        await run(PUT, recordValues(bare(accountId), record));
      }),

    abandonOnce: (accountId, key) =>
      transactions.write(async ({ run }) => {
        await run(REMOVE_BEGUN, [bare(accountId), key]);
      }),

    forgetExpired: (now, limit) =>
      transactions.write(async ({ run }) => {
        const [, records] = await Promise.all([
          run(FORGET_SECRETS, [now, limit]),
          run(REMOVE_EXPIRED, [now, limit]),
        ]);
        return records;
      }),
  };
}

function begunValues(
  account: string,
  { key, fingerprint, createdAt, expiresAt }: Begun,
): unknown[] {
  return [account, key, fingerprint, null, '', 0, createdAt, expiresAt];
}
