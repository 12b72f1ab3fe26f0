import type { DatabaseSync } from 'node:sqlite';
import type { OnceRecord, OnceResult } from '../../core/ports.ts';
import { bare } from '../ids.ts';
import { integer, integerOrNull, text } from '../rows.ts';
import type { Operations } from './operation-types.ts';

/** Calls that happen once. `account` is bare, as all ids are below the port. */
export interface Once {
  /** Answers from an earlier record, or does the work; without a record the work is simply done. */
  run<Result>(
    account: string,
    record: OnceRecord | undefined,
    work: () => Result,
  ): OnceResult<Result>;
  /** Keeps the answer; the work calls it when it is certain to succeed. */
  keep(account: string, record: OnceRecord | undefined): void;
}

/**
 * The record is read, and written, in the transaction of the call. Of two calls with the same key in
 * one batch the second finds the record of the first, and both commit or neither does.
 */
export function createOnce(db: DatabaseSync): Once {
  const select = db.prepare(`
    select fingerprint, status, body, sealed
    from idempotency
    where account_id = ? and key = ? and expires_at > ?
  `);
  const write = db.prepare(PUT);

  return {
    run(account, record, work) {
      if (record === undefined) return { result: work() };
      const row = select.get(account, record.key, record.createdAt);
      if (row === undefined) return { result: work() };
      return {
        earlier: {
          fingerprint: text(row, 'fingerprint'),
          status: integerOrNull(row, 'status'),
          body: text(row, 'body'),
          sealed: integer(row, 'sealed') === 1,
        },
      };
    },
    keep(account, record) {
      if (record === undefined) return;
      const { key, fingerprint, status, body, sealed, createdAt, expiresAt } = record;
      write.run(account, key, fingerprint, status, body, sealed ? 1 : 0, createdAt, expiresAt);
    },
  };
}

/** An expired record is replaced, and one in progress by its answer. */
const PUT = `
  insert into idempotency (account_id, key, fingerprint, status, body, sealed, created_at, expires_at)
  values (?, ?, ?, ?, ?, ?, ?, ?)
  on conflict (account_id, key) do update
  set fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body,
    sealed = excluded.sealed, created_at = excluded.created_at, expires_at = excluded.expires_at
`;

export function onceOperations(
  db: DatabaseSync,
  once: Once,
): Pick<Operations, 'beginOnce' | 'completeOnce' | 'abandonOnce' | 'forgetExpired'> {
  const write = db.prepare(PUT);
  const remove = db.prepare(`
    delete from idempotency
    where account_id = ? and key = ? and status is null
  `);
  const removeExpired = db.prepare(`
    delete from idempotency
    where (account_id, key) in (
      select account_id, key
      from idempotency
      where expires_at <= ?
      limit ?
    )
  `);
  const forgetSecrets = db.prepare(`
    update webhooks
    set secret_before_sealed = null, secret_before_until = null, secret_prefers_new = 0
    where (account_id, id) in (
      select account_id, id
      from webhooks
      where secret_before_until <= ?
      limit ?
    )
  `);

  return {
    beginOnce(accountId, begun) {
      const account = bare(accountId);
      const { key, fingerprint, createdAt, expiresAt } = begun;
      return once.run(account, { ...begun, status: 0, body: '', sealed: false }, () => {
        write.run(account, key, fingerprint, null, '', 0, createdAt, expiresAt);
        return 'begun' as const;
      });
    },
    completeOnce(accountId, record) {
      once.keep(bare(accountId), record);
    },
    abandonOnce(accountId, key) {
      remove.run(bare(accountId), key);
    },
    forgetExpired(now, limit) {
      forgetSecrets.run(now, limit);
      return Number(removeExpired.run(now, limit).changes);
    },
  };
}
