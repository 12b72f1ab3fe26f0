import type { Store } from '../../core/ports.ts';
import { bare } from '../ids.ts';
import { type Belief, tellOwner } from './fence.ts';
import type { Transactions } from './transaction.ts';
import { LOCK_ACCOUNT, RAISE_VERSION } from './webhooks.ts';

/** What the engine writes about a webhook; its owner's changes are in `webhooks.ts`. */
export function laneOperations(
  transactions: Transactions,
  belief: Belief,
): Pick<Store, 'holdWebhook' | 'preferNewSecret' | 'disableWebhook' | 'rememberLane'> {
  return {
    holdWebhook: (webhook, until) =>
      transactions.write(async (transaction) => {
        const key = [bare(webhook.accountId), bare(webhook.webhookId)];
        if (until !== null) {
          await transaction.run(HOLD, [...key, until]);
          return;
        }
        // The node that ends a hold has had a test call delivered, and need not own the lane.
        await transaction.run(END_HOLD, key);
        await tellOwner(transaction, belief, webhook);
      }),

    preferNewSecret: ({ accountId, webhookId }, secretSealed) =>
      transactions.write(async ({ run }) => {
        await run(PREFER_NEW, [bare(accountId), bare(webhookId), secretSealed]);
      }),

    disableWebhook: (webhook, reason, now) =>
      transactions.write(async (transaction) => {
        const account = bare(webhook.accountId);
        await transaction.run(LOCK_ACCOUNT, [account]);
        const key = [account, bare(webhook.webhookId)];
        if ((await transaction.run(DISABLE, [...key, reason, now])) === 0) return 'unchanged';
        await Promise.all([
          transaction.run(RAISE_VERSION, [account]),
          tellOwner(transaction, belief, webhook),
        ]);
        return 'disabled';
      }),

    rememberLane: ({ accountId, webhookId }, memory) =>
      transactions.write(async ({ run }) => {
        const { health, usualMs, failingSince, failedAttempts } = memory;
        const key = [bare(accountId), bare(webhookId)];
        await run(REMEMBER, [...key, health, usualMs, failingSince, failedAttempts]);
      }),
  };
}

const HOLD = `
  update webhooks
  set held_until = greatest(held_until, $3)
  where account_id = $1 and id = $2 and deleted_at is null
`;

const END_HOLD = `
  update webhooks
  set held_until = null
  where account_id = $1 and id = $2
`;

const PREFER_NEW = `
  update webhooks
  set secret_prefers_new = 1
  where account_id = $1 and id = $2 and secret_sealed = $3 and secret_before_sealed is not null
`;

const DISABLE = `
  update webhooks
  set status = 'disabled', disabled_reason = $3, updated_at = $4
  where account_id = $1 and id = $2 and status <> 'disabled' and deleted_at is null
`;

/** A webhook that was deleted meanwhile is not remembered. */
const REMEMBER = `
  insert into lanes (account_id, webhook_id, health, usual_ms, failing_since, failed_attempts)
  select account_id, id, $3::text, $4::integer, $5::bigint, $6::integer
  from webhooks
  where account_id = $1 and id = $2 and deleted_at is null
  on conflict (account_id, webhook_id) do update
  set health = excluded.health, usual_ms = excluded.usual_ms,
    failing_since = excluded.failing_since, failed_attempts = excluded.failed_attempts
`;
