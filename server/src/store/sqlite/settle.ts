import type { DatabaseSync } from 'node:sqlite';
import type { Settlement } from '../../core/ports.ts';
import { bare } from './ids.ts';
import type { Operations } from './operation-types.ts';

export function settleOperations(db: DatabaseSync): Pick<Operations, 'settle'> {
  // The row holds the newest attempt: the one before moves to `attempts` when a new one ends.
  const keepAttemptBefore = db.prepare(`
    insert into attempts (account_id, delivery_id, id, number, started_at, response_code,
      response_time_ms, response_body, failure)
    select account_id, id, attempt_id, attempt_count, attempt_started_at, attempt_response_code,
      attempt_response_time_ms, attempt_response_body, attempt_failure
    from deliveries
    where seq = ? and account_id = ? and attempt_id <> ?
  `);
  const write = db.prepare(`
    update deliveries
    set status = ?, due_at = ?, attempt_count = ?, attempt_id = ?, attempt_started_at = ?,
      attempt_response_code = ?, attempt_response_time_ms = ?, attempt_response_body = ?,
      attempt_failure = ?
    where seq = ? and account_id = ? and status = 'pending'
  `);
  // Somebody ended it while the exchange was in progress: what happened is kept, the end stands.
  const writeAttemptOnly = db.prepare(`
    update deliveries
    set attempt_count = ?, attempt_id = ?, attempt_started_at = ?, attempt_response_code = ?,
      attempt_response_time_ms = ?, attempt_response_body = ?, attempt_failure = ?
    where seq = ? and account_id = ?
  `);

  return {
    settle(settlements) {
      return settlements.map((settlement) => {
        const { seq, attempt, status, dueAt } = settlement;
        const account = bare(settlement.accountId);
        if (attempt.number > 1) keepAttemptBefore.run(seq, account, bare(attempt.id));
        const columns = attemptColumns(settlement);
        if (write.run(status, dueAt, ...columns, seq, account).changes === 1) return 'settled';
        writeAttemptOnly.run(...columns, seq, account);
        return 'ended';
      });
    },
  };
}

function attemptColumns({ attempt }: Settlement) {
  return [
    attempt.number,
    bare(attempt.id),
    attempt.startedAt,
    attempt.responseCode,
    attempt.responseTimeMs,
    attempt.responseBody,
    attempt.failure,
  ] as const;
}
