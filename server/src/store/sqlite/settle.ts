import type { DatabaseSync } from 'node:sqlite';
import type { Attempt } from '../../core/model.ts';
import type { Settlement, SettleResult } from '../../core/ports.ts';
import { bare } from './ids.ts';
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
  const write = db.prepare(`
    update deliveries
    set status = ?, due_at = ?, attempt_count = ?, attempt_id = ?, attempt_started_at = ?,
      attempt_response_code = ?, attempt_response_time_ms = ?, attempt_response_body = ?,
      attempt_failure = ?, attempt_note = ?
    where seq = ? and account_id = ? and status = 'pending'
  `);
  // Somebody ended it while the exchange was in progress: what happened is kept, the end stands.
  const writeAttemptOnly = db.prepare(`
    update deliveries
    set attempt_count = ?, attempt_id = ?, attempt_started_at = ?, attempt_response_code = ?,
      attempt_response_time_ms = ?, attempt_response_body = ?, attempt_failure = ?,
      attempt_note = ?
    where seq = ? and account_id = ?
  `);

  return {
    settle: (settlements) => settlements.map(settleOne),
  };

  function settleOne(settlement: Settlement): SettleResult {
    const { seq, attempt, firstTry, status, dueAt } = settlement;
    const account = bare(settlement.accountId);
    const id = bare(attempt.id);
    if (attempt.number > 1) keepAttemptBefore.run(seq, account, id);
    if (firstTry !== null) keepFirstTry.run(...attemptColumns(firstTry), seq, account);
    // Written out: with an array for the values of each attempt settling was a tenth slower.
    const { changes } = write.run(
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
    writeAttemptOnly.run(...attemptColumns(attempt), seq, account);
    return 'ended';
  }
}

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
