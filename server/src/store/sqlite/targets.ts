import type { DatabaseSync } from 'node:sqlite';
import type { LaneMemory } from '../../core/model.ts';
import type { Target } from '../../core/ports.ts';
import { bare } from './ids.ts';
import type { Operations } from './operation-types.ts';
import { integer, integerOrNull, type Row, text } from './rows.ts';
import { rotation, settings, WEBHOOK_COLUMNS } from './webhook-rows.ts';

/** Deliveries that `sendTimes` looks at, newest first. */
const SENDS_LOOKED_AT_MAX = 20_000;

/** What the engine knows and keeps of a webhook and its receiver. */
export function targetOperations(
  db: DatabaseSync,
): Pick<
  Operations,
  | 'target'
  | 'holdWebhook'
  | 'preferNewSecret'
  | 'rememberLane'
  | 'sendTimes'
  | 'beginRun'
  | 'endRun'
> {
  const target = db.prepare(`
    select ${WEBHOOK_COLUMNS.map((column) => `w.${column}`).join(', ')}, w.deleted_at,
      l.health, l.usual_ms, l.failing_since, l.failed_attempts
    from webhooks w
    left join lanes l on l.account_id = w.account_id and l.webhook_id = w.id
    where w.account_id = ? and w.id = ?
  `);
  const hold = db.prepare(`
    update webhooks
    set held_until = max(coalesce(held_until, 0), ?)
    where account_id = ? and id = ? and deleted_at is null
  `);
  const endHold = db.prepare(`
    update webhooks
    set held_until = null
    where account_id = ? and id = ?
  `);
  const prefer = db.prepare(`
    update webhooks
    set secret_prefers_new = 1
    where account_id = ? and id = ? and secret_sealed = ? and secret_before_sealed is not null
  `);
  // Not for a webhook that was deleted meanwhile: its row would stay for ever.
  const remember = db.prepare(`
    insert into lanes (account_id, webhook_id, health, usual_ms, failing_since, failed_attempts)
    select account_id, id, ?, ?, ?, ?
    from webhooks
    where account_id = ? and id = ? and deleted_at is null
    on conflict (account_id, webhook_id) do update
    set health = excluded.health, usual_ms = excluded.usual_ms,
      failing_since = excluded.failing_since, failed_attempts = excluded.failed_attempts
  `);
  // A delivery is looked at for its newest attempt, and for those before it when it had several.
  const sends = db.prepare(`
    with newest as (
      select account_id, id, attempt_count, attempt_started_at
      from deliveries
      where account_id = ?1 and webhook_id = ?2 and "trigger" <> 'test'
      order by id desc
      limit ${SENDS_LOOKED_AT_MAX}
    ),
    looked_at as (
      select * from newest
      union
      select account_id, id, attempt_count, attempt_started_at
      from deliveries
      where account_id = ?1 and webhook_id = ?2 and status = 'pending' and attempt_count > 0
    )
    select started_at
    from (
      select attempt_started_at as started_at
      from looked_at
      where attempt_started_at >= ?3
      union all
      select a.started_at
      from looked_at d
      join attempts a on a.account_id = d.account_id and a.delivery_id = d.id
      where a.started_at >= ?3
    )
    order by started_at desc
    limit ?4
  `);
  const wasDrained = db.prepare('select drained from engine_run');
  const markRun = db.prepare('update engine_run set drained = ?');

  return {
    target(ref) {
      const row = target.get(bare(ref.accountId), bare(ref.webhookId));
      if (row === undefined) return null;
      const status = row.deleted_at === null ? text(row, 'status') : 'deleted';
      return {
        accountId: ref.accountId,
        webhookId: ref.webhookId,
        url: text(row, 'url'),
        secretSealed: text(row, 'secret_sealed'),
        rotation: rotation(row),
        heldUntil: integerOrNull(row, 'held_until'),
        settings: settings(row),
        status: status as Target['status'],
        memory: row.health === null ? null : memory(row),
      };
    },

    holdWebhook({ accountId, webhookId }, until) {
      const key = [bare(accountId), bare(webhookId)] as const;
      if (until === null) endHold.run(...key);
      else hold.run(until, ...key);
    },

    preferNewSecret({ accountId, webhookId }, secretSealed) {
      prefer.run(bare(accountId), bare(webhookId), secretSealed);
    },

    rememberLane({ accountId, webhookId }, { health, usualMs, failingSince, failedAttempts }) {
      const values = [health, usualMs, failingSince, failedAttempts] as const;
      remember.run(...values, bare(accountId), bare(webhookId));
    },

    sendTimes({ accountId, webhookId, since, limit }) {
      const rows = sends.all(bare(accountId), bare(webhookId), since, limit);
      return rows.map((row) => integer(row, 'started_at')).reverse();
    },

    beginRun() {
      const drained = wasDrained.get()?.drained === 1;
      markRun.run(0);
      return { drained };
    },
    endRun() {
      markRun.run(1);
    },
  };
}

function memory(row: Row): LaneMemory {
  return {
    health: text(row, 'health') as LaneMemory['health'],
    usualMs: integerOrNull(row, 'usual_ms'),
    failingSince: integerOrNull(row, 'failing_since'),
    failedAttempts: integer(row, 'failed_attempts'),
  };
}
