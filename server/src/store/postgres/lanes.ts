import type { LaneRef, Store } from '../../core/ports.ts';
import { bare } from '../ids.ts';
import { type Belief, hasEpoch, tellOwner } from './fence.ts';
import type { Transactions } from './transaction.ts';
import { LOCK_ACCOUNT, RAISE_VERSION } from './webhooks.ts';

/** What the engine writes about a webhook; its owner's changes are in `webhooks.ts`. */
export function laneOperations(
  transactions: Transactions,
  belief: Belief,
): Pick<Store, 'holdWebhook' | 'preferNewSecret' | 'disableWebhook' | 'rememberLane'> {
  return {
    holdWebhook: (lane, until) =>
      transactions.write(async (transaction) => {
        if (!(await hasEpoch(transaction, lane))) return;
        if (until !== null) {
          await transaction.run(HOLD, [...keyOf(lane), until]);
          return;
        }
        // The node that ends a hold has had a test call delivered, and need not own the lane.
        await transaction.run(END_HOLD, keyOf(lane));
        await tellOwner(transaction, belief, lane);
      }),

    preferNewSecret: ({ accountId, webhookId }, secretSealed) =>
      transactions.write(async ({ run }) => {
        await run(PREFER_NEW, [bare(accountId), bare(webhookId), secretSealed]);
      }),

    disableWebhook: (lane, reason, now) =>
      transactions.write(async (transaction) => {
        const account = bare(lane.accountId);
        await transaction.run(LOCK_ACCOUNT, [account]);
        if (!(await hasEpoch(transaction, lane))) return 'unchanged';
        const isDone = await transaction.run(DISABLE, [...keyOf(lane), reason, now]);
        if (isDone === 0) return 'unchanged';
        await Promise.all([
          transaction.run(RAISE_VERSION, [account]),
          tellOwner(transaction, belief, lane),
        ]);
        return 'disabled';
      }),

    rememberLane: (lane, memory) =>
      transactions.write(async (transaction) => {
        if (!(await hasEpoch(transaction, lane))) return;
        const { health, usualMs, failingSince, failedAttempts } = memory;
        const values = [health, usualMs, failingSince, failedAttempts];
        await transaction.run(REMEMBER, [...keyOf(lane), ...values]);
      }),
  };
}

function keyOf({ accountId, webhookId, url }: LaneRef) {
  return [bare(accountId), bare(webhookId), url ?? null];
}

const HOLD = `
  update webhooks
  set held_until = greatest(held_until, $4::bigint)
  where account_id = $1 and id = $2 and deleted_at is null and url = coalesce($3, url)
`;

const END_HOLD = `
  update webhooks
  set held_until = null
  where account_id = $1 and id = $2 and url = coalesce($3, url)
`;

const PREFER_NEW = `
  update webhooks
  set secret_prefers_new = 1
  where account_id = $1 and id = $2 and secret_sealed = $3 and secret_before_sealed is not null
`;

const DISABLE = `
  update webhooks
  set status = 'disabled', disabled_reason = $4, updated_at = $5
  where account_id = $1 and id = $2 and status <> 'disabled' and deleted_at is null
    and url = coalesce($3, url)
`;

/** A webhook that was deleted meanwhile is not remembered. */
const REMEMBER = `
  insert into lanes (account_id, webhook_id, health, usual_ms, failing_since, failed_attempts)
  select account_id, id, $4::text, $5::integer, $6::bigint, $7::integer
  from webhooks
  where account_id = $1 and id = $2 and deleted_at is null and url = coalesce($3, url)
  on conflict (account_id, webhook_id) do update
  set health = excluded.health, usual_ms = excluded.usual_ms,
    failing_since = excluded.failing_since, failed_attempts = excluded.failed_attempts
`;
