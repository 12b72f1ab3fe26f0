import type { DatabaseSync } from 'node:sqlite';
import type { Rotation, Webhook } from '../../core/model.ts';
import type { WebhookChanges } from '../../core/ports.ts';
import { bare, webhookId } from './ids.ts';
import type { Once } from './once.ts';
import type { Operations } from './operation-types.ts';
import { AFTER_ALL_IDS, pageOf, text } from './rows.ts';
import { subscriptions, WEBHOOK_COLUMNS, webhook, webhookValues } from './webhook-rows.ts';

const COLUMNS = WEBHOOK_COLUMNS.join(', ');

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
  | 'disableWebhook'
> {
  const write = db.prepare(`
    insert or replace into webhooks (${COLUMNS})
    values (${WEBHOOK_COLUMNS.map(() => '?').join(', ')})
  `);
  const countOfAccount = db.prepare(`
    select count(*) as count
    from webhooks
    where account_id = ? and deleted_at is null
  `);
  const select = db.prepare(`
    select ${COLUMNS}
    from webhooks
    where account_id = ? and id = ? and deleted_at is null
  `);
  const list = db.prepare(`
    select ${COLUMNS}
    from webhooks
    where account_id = ? and id < ? and deleted_at is null
    order by id desc
    limit ?
  `);
  const remove = db.prepare(`
    update webhooks
    set deleted_at = ?, secret_sealed = '', secret_hint = '', secret_before_sealed = null,
      secret_before_until = null, held_until = null
    where account_id = ? and id = ? and deleted_at is null
  `);
  const disable = db.prepare(`
    update webhooks
    set status = 'disabled', disabled_reason = ?, updated_at = ?
    where account_id = ? and id = ? and deleted_at is null and status <> 'disabled'
  `);
  const forgetLane = db.prepare(`
    delete from lanes
    where account_id = ? and webhook_id = ?
  `);
  const raiseVersion = db.prepare(`
    update accounts
    set webhooks_version = webhooks_version + 1
    where id = ?
  `);
  const version = db.prepare('select webhooks_version from accounts where id = ?');
  const subscribing = db.prepare(`
    select id, events
    from webhooks
    where account_id = ? and deleted_at is null and status <> 'disabled'
  `);

  const getWebhook: Operations['getWebhook'] = (account, id) => {
    const row = select.get(bare(account), bare(id));
    return row === undefined ? null : webhook(row);
  };

  const updateWebhook: Operations['updateWebhook'] = (account, id, changes, updatedAt) => {
    const before = getWebhook(account, id);
    if (before === null) return null;
    const key: [string, string] = [bare(account), bare(id)];
    const after = changed(before, changes, updatedAt);
    write.run(...webhookValues(after, key));
    // Another receiver: what is known of the one before says nothing about it.
    if (after.url !== before.url) forgetLane.run(...key);
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
        write.run(...webhookValues(webhook, [account, bare(webhook.id)]));
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

    disableWebhook(ref, reason, now) {
      const account = bare(ref.accountId);
      if (disable.run(reason, now, account, bare(ref.webhookId)).changes === 0) return 'unchanged';
      raiseVersion.run(account);
      return 'disabled';
    },

    subscriptions(account) {
      return {
        version: Number(version.get(bare(account))?.webhooks_version ?? 0),
        webhooks: subscribing.all(bare(account)).map((row) => ({
          id: webhookId(text(row, 'id')),
          events: subscriptions(row),
        })),
      };
    },
  };
}

function changed(before: Webhook, changes: WebhookChanges, updatedAt: number): Webhook {
  const { secret, settings, ...plain } = changes;
  const isMoved = plain.url !== undefined && plain.url !== before.url;
  return {
    ...before,
    ...plain,
    settings: { ...before.settings, ...settings },
    heldUntil: isMoved ? null : before.heldUntil,
    ...(secret === undefined
      ? {}
      : {
          secretSealed: secret.sealed,
          secretHint: secret.hint,
          rotation: rotated(before, secret.overlapUntil, updatedAt),
        }),
    updatedAt,
  };
}

/** The preferred secret of those in force goes on beside the new one, until the overlap ends. */
function rotated(before: Webhook, overlapUntil: number | null, now: number): Rotation | null {
  if (overlapUntil === null || overlapUntil <= now) return null;
  const { rotation, secretSealed } = before;
  const goesByOld = rotation !== null && rotation.until > now && !rotation.prefersNew;
  return {
    beforeSealed: goesByOld ? rotation.beforeSealed : secretSealed,
    until: overlapUntil,
    prefersNew: false,
  };
}
