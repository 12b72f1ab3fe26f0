import type { DatabaseSync } from 'node:sqlite';
import type { LaneRef } from '../../core/ports.ts';
import { bare } from '../ids.ts';
import type { Operations } from './operation-types.ts';

/** What the engine writes about a webhook; its owner's changes are in `webhooks.ts`. */
export function laneOperations(
  db: DatabaseSync,
): Pick<
  Operations,
  'holdWebhook' | 'preferNewSecret' | 'disableWebhook' | 'rememberLane' | 'beginRun' | 'endRun'
> {
  const hold = db.prepare(`
    update webhooks
    set held_until = max(coalesce(held_until, 0), ?)
    where account_id = ? and id = ? and deleted_at is null and url = coalesce(?, url)
  `);
  const endHold = db.prepare(`
    update webhooks
    set held_until = null
    where account_id = ? and id = ? and url = coalesce(?, url)
  `);
  const preferNew = db.prepare(`
    update webhooks
    set secret_prefers_new = 1
    where account_id = ? and id = ? and secret_sealed = ? and secret_before_sealed is not null
  `);
  const disable = db.prepare(`
    update webhooks
    set status = 'disabled', disabled_reason = ?, updated_at = ?
    where account_id = ? and id = ? and status <> 'disabled' and deleted_at is null
      and url = coalesce(?, url)
  `);
  const raiseVersion = db.prepare(RAISE_VERSION);
  // A webhook that was deleted meanwhile is not remembered.
  const remember = db.prepare(`
    insert into lanes (account_id, webhook_id, health, usual_ms, failing_since, failed_attempts)
    select account_id, id, ?, ?, ?, ?
    from webhooks
    where account_id = ? and id = ? and deleted_at is null and url = coalesce(?, url)
    on conflict (account_id, webhook_id) do update
    set health = excluded.health, usual_ms = excluded.usual_ms,
      failing_since = excluded.failing_since, failed_attempts = excluded.failed_attempts
  `);
  const wasDrained = db.prepare(`
    select drained or (select max(seq) from deliveries) is null as drained
    from engine_run
    where id = 1
  `);
  const markRun = db.prepare('update engine_run set drained = ? where id = 1');

  return {
    // One node owns every shard for ever: there is no other epoch to compare with.
    holdWebhook(lane, until) {
      const key = keyOf(lane);
      if (until === null) endHold.run(...key);
      else hold.run(until, ...key);
    },

    preferNewSecret({ accountId, webhookId }, secretSealed) {
      preferNew.run(bare(accountId), bare(webhookId), secretSealed);
    },

    disableWebhook(lane, reason, now) {
      if (disable.run(reason, now, ...keyOf(lane)).changes === 0) return 'unchanged';
      raiseVersion.run(bare(lane.accountId));
      return 'disabled';
    },

    rememberLane(lane, memory) {
      const { health, usualMs, failingSince, failedAttempts } = memory;
      remember.run(health, usualMs, failingSince, failedAttempts, ...keyOf(lane));
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

function keyOf({ accountId, webhookId, url }: LaneRef) {
  return [bare(accountId), bare(webhookId), url ?? null] as const;
}

/** For each change that decides which webhooks an event goes to. */
export const RAISE_VERSION = `
  update accounts
  set webhooks_version = webhooks_version + 1
  where id = ?
`;
