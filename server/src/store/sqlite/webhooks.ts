import type { DatabaseSync } from 'node:sqlite';
import { bare, webhookId } from '../ids.ts';
import { AFTER_ALL_IDS, pageOf, text } from '../rows.ts';
import { changed, isBegunAnew } from '../webhook-changes.ts';
import {
  changeableColumns,
  events,
  TARGET_COLUMNS,
  targetOf,
  WEBHOOK_COLUMNS,
  webhook,
} from '../webhook-rows.ts';
import { RAISE_VERSION } from './lanes.ts';
import type { Once } from './once.ts';
import type { Operations } from './operation-types.ts';

export function webhookOperations(
  db: DatabaseSync,
  once: Once,
): Pick<
  Operations,
  | 'createWebhook'
  | 'getWebhook'
  | 'listWebhooks'
  | 'updateWebhook'
  | 'rotateSecret'
  | 'deleteWebhook'
  | 'subscriptions'
  | 'target'
> {
  const insert = db.prepare(`
    insert into webhooks (${WEBHOOK_COLUMNS}, rate_limited_since)
    values (:account_id, :id, :created_at, :events, :description, :disabled_reason, :secret_hint,
      :updated_at, :url, :status, :secret_sealed, :secret_before_sealed, :secret_before_until,
      :secret_prefers_new, :held_until, :ordering, :rate_limit_max, :rate_limit_per_ms,
      :concurrency_max, :retry_schedule, :on_gone,
      iif(:rate_limit_max is null, null, :created_at))
  `);
  const countOfAccount = db.prepare(`
    select count(*) as count
    from webhooks
    where account_id = ? and deleted_at is null
  `);
  const select = db.prepare(`
    select ${WEBHOOK_COLUMNS}
    from webhooks
    where account_id = ? and id = ? and deleted_at is null
  `);
  const list = db.prepare(`
    select ${WEBHOOK_COLUMNS}
    from webhooks
    where account_id = ? and id < ? and deleted_at is null
    order by id desc
    limit ?
  `);
  const update = db.prepare(`
    update webhooks
    set url = :url, events = :events, description = :description, status = :status,
      disabled_reason = :disabled_reason, secret_sealed = :secret_sealed,
      secret_hint = :secret_hint, secret_before_sealed = :secret_before_sealed,
      secret_before_until = :secret_before_until, secret_prefers_new = :secret_prefers_new,
      held_until = :held_until, ordering = :ordering, rate_limit_max = :rate_limit_max,
      rate_limit_per_ms = :rate_limit_per_ms, concurrency_max = :concurrency_max,
      retry_schedule = :retry_schedule, on_gone = :on_gone, updated_at = :updated_at,
      rate_limited_since =
        iif(:rate_limit_max is null, null, coalesce(rate_limited_since, :updated_at))
    where account_id = :account_id and id = :id and deleted_at is null
  `);
  const remove = db.prepare(`
    update webhooks
    set deleted_at = ?, secret_sealed = '', secret_hint = '', secret_before_sealed = null,
      secret_before_until = null, secret_prefers_new = 0
    where account_id = ? and id = ? and deleted_at is null
  `);
  const forgetLane = db.prepare(`
    delete from lanes
    where account_id = ? and webhook_id = ?
  `);
  const raiseVersion = db.prepare(RAISE_VERSION);
  const version = db.prepare('select webhooks_version from accounts where id = ?');
  const subscribing = db.prepare(`
    select id, events
    from webhooks
    where account_id = ? and deleted_at is null and status <> 'disabled'
  `);
  const target = db.prepare(`
    select ${TARGET_COLUMNS}
    from webhooks w
    left join lanes l on l.account_id = w.account_id and l.webhook_id = w.id
    where w.account_id = ? and w.id = ?
  `);

  const getWebhook: Operations['getWebhook'] = (account, id) => {
    const row = select.get(bare(account), bare(id));
    return row === undefined ? null : webhook(row);
  };

  const updateWebhook: Operations['updateWebhook'] = (account, id, changes, updatedAt) => {
    const before = getWebhook(account, id);
    if (before === null) return null;
    const after = changed(before, changes, updatedAt);
    update.run(changeableColumns(after));
    if (isBegunAnew(before, after)) forgetLane.run(bare(account), bare(id));
    raiseVersion.run(bare(account));
    return after;
  };

  return {
    getWebhook,

    createWebhook(webhook, { perAccountMax }, record) {
      const account = bare(webhook.accountId);
      return once.run(account, record, () => {
        if (Number(countOfAccount.get(account)?.count) >= perAccountMax) return 'too_many';
        once.keep(account, record);
        insert.run({ ...changeableColumns(webhook), created_at: webhook.createdAt });
        raiseVersion.run(account);
        return 'created';
      });
    },

    listWebhooks(account, { limit, after = AFTER_ALL_IDS }) {
      return pageOf(list.all(bare(account), bare(after), limit + 1), limit, webhook);
    },

    updateWebhook,

    rotateSecret({ accountId, webhookId, secret, rotatedAt, once: record }) {
      return once.run(bare(accountId), record, () => {
        if (updateWebhook(accountId, webhookId, { secret }, rotatedAt) === null) return 'missing';
        once.keep(bare(accountId), record);
        return 'rotated';
      });
    },

    deleteWebhook(account, id, deletedAt) {
      if (remove.run(deletedAt, bare(account), bare(id)).changes === 0) return 'missing';
      forgetLane.run(bare(account), bare(id));
      raiseVersion.run(bare(account));
      return 'deleted';
    },

    subscriptions(account) {
      return {
        version: Number(version.get(bare(account))?.webhooks_version ?? 0),
        webhooks: subscribing.all(bare(account)).map((row) => ({
          id: webhookId(text(row, 'id')),
          events: events(row),
        })),
      };
    },

    target(ref) {
      const row = target.get(bare(ref.accountId), bare(ref.webhookId));
      return row === undefined ? null : targetOf(ref, row);
    },
  };
}
