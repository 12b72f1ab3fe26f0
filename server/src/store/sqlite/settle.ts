import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Attempt } from '../../core/model.ts';
import type { Settlement, SettleResult } from '../../core/ports.ts';
import { bare } from '../ids.ts';
import type { Operations } from './operation-types.ts';

export function settleOperations(db: DatabaseSync): Pick<Operations, 'settle'> {
  // The row holds the newest attempt: the one before moves to `attempts` when a new one ends.
  const keepAttemptBefore = db.prepare(`
    insert into attempts (account_id, delivery_id, id, number, started_at, response_code,
      response_time_ms, response_body, failure, note)
    select account_id, id, attempt_id, attempt_count, attempt_started_at, attempt_response_code,
      attempt_response_time_ms, attempt_response_body, attempt_failure, attempt_note
    from deliveries
    where seq = ? and account_id = ? and attempt_id <> ?
  `);
  const keepFirstTry = db.prepare(`
    insert into attempts (account_id, delivery_id, number, id, started_at, response_code,
      response_time_ms, response_body, failure, note)
    select account_id, id, ?, ?, ?, ?, ?, ?, ?, ?
    from deliveries
    where seq = ? and account_id = ?
    on conflict do nothing
  `);
  const plain = prepareWrites(db, withoutSendTime);
  const limited = prepareWrites(db, withSendTime);
  const rateLimited = db.prepare(`
    select 1
    from webhooks indexed by webhooks_rate_limited
    where rate_limited_since is not null
    limit 1
  `);

  return {
    settle(settlements) {
      // Asked once for all of them: where nobody has a rate limit it costs nothing.
      const writes = rateLimited.get() === undefined ? plain : limited;
      return settlements.map((settlement) => settleOne(settlement, writes));
    },
  };

  function settleOne(settlement: Settlement, writes: Writes): SettleResult {
    const { seq, attempt, firstTry, status, dueAt } = settlement;
    const account = bare(settlement.accountId);
    const id = bare(attempt.id);
    if (attempt.number > 1) keepAttemptBefore.run(seq, account, id);
    if (firstTry !== null) keepFirstTry.run(...attemptColumns(firstTry), seq, account);
    // Written out: with an array for the values of each attempt settling was a sixth slower.
    const { changes } = writes.whole.run(
      status,
      dueAt,
      attempt.number,
      id,
      attempt.startedAt,
      attempt.responseCode,
      attempt.responseTimeMs,
      attempt.responseBody,
      attempt.failure,
      attempt.note,
      seq,
      account,
    );
    if (changes === 1) return 'settled';
    writes.attemptOnly.run(...attemptColumns(attempt), seq, account);
    return 'ended';
  }
}

interface Writes {
  whole: StatementSync;
  attemptOnly: StatementSync;
}

function prepareWrites(db: DatabaseSync, sentAt: (startedAt: string) => string): Writes {
  const whole = db.prepare(`
    update deliveries
    set status = ?1, due_at = ?2, attempt_count = ?3, attempt_id = ?4, attempt_started_at = ?5,
      attempt_response_code = ?6, attempt_response_time_ms = ?7, attempt_response_body = ?8,
      attempt_failure = ?9, attempt_note = ?10 ${sentAt('?5')}
    where seq = ?11 and account_id = ?12 and status = 'pending'
  `);
  // Somebody ended it while the exchange was in progress: what happened is kept, the end stands.
  const attemptOnly = db.prepare(`
    update deliveries
    set attempt_count = ?1, attempt_id = ?2, attempt_started_at = ?3, attempt_response_code = ?4,
      attempt_response_time_ms = ?5, attempt_response_body = ?6, attempt_failure = ?7,
      attempt_note = ?8 ${sentAt('?3')}
    where seq = ?9 and account_id = ?10
  `);
  return { whole, attemptOnly };
}

const withoutSendTime = () => '';

/** When the attempt began, once more where the webhook has a rate limit: `send-times.ts` reads it. */
const withSendTime = (startedAt: string) => `,
      sent_at = (
        select ${startedAt}
        from webhooks w
        where w.account_id = deliveries.account_id and w.id = deliveries.webhook_id
          and w.rate_limited_since is not null
      )`;

function attemptColumns(attempt: Attempt) {
  return [
    attempt.number,
    bare(attempt.id),
    attempt.startedAt,
    attempt.responseCode,
    attempt.responseTimeMs,
    attempt.responseBody,
    attempt.failure,
    attempt.note,
  ] as const;
}
