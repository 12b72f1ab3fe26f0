import type { DatabaseSync } from 'node:sqlite';
import type { Webhook } from '../../core/model.ts';
import { accountId, bare, webhookId } from './ids.ts';
import type { Once } from './once.ts';
import type { Operations } from './operation-types.ts';
import { AFTER_ALL_IDS, integer, pageOf, type Row, text, textOrNull } from './rows.ts';

const COLUMNS = `account_id, id, url, events, description, status, disabled_reason,
    secret_sealed, secret_hint, created_at, updated_at`;

export function webhookOperations(
  db: DatabaseSync,
  once: Once,
): Pick<
  Operations,
  | 'createWebhook'
  | 'getWebhook'
  | 'listWebhooks'
  | 'updateWebhook'
  | 'deleteWebhook'
  | 'subscriptions'
  | 'target'
> {
  const insert = db.prepare(`
    insert into webhooks (${COLUMNS})
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
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
  const update = db.prepare(`
    update webhooks
    set url = ?, events = ?, description = ?, status = ?, disabled_reason = ?,
      secret_sealed = ?, secret_hint = ?, updated_at = ?
    where account_id = ? and id = ? and deleted_at is null
  `);
  const remove = db.prepare(`
    update webhooks
    set deleted_at = ?, secret_sealed = '', secret_hint = ''
    where account_id = ? and id = ? and deleted_at is null
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
  const target = db.prepare(`
    select url, secret_sealed, status, deleted_at
    from webhooks
    where account_id = ? and id = ?
  `);

  const getWebhook: Operations['getWebhook'] = (account, id) => {
    const row = select.get(bare(account), bare(id));
    return row === undefined ? null : webhook(row);
  };

  return {
    getWebhook,

    createWebhook(webhook, { perAccountMax }, record) {
      const account = bare(webhook.accountId);
      return once.run(account, record, () => {
        if (Number(countOfAccount.get(account)?.count) >= perAccountMax) return 'too_many';
        once.keep(account, record);
        insert.run(
          account,
          bare(webhook.id),
          webhook.url,
          JSON.stringify(webhook.events),
          webhook.description,
          webhook.status,
          webhook.disabledReason,
          webhook.secretSealed,
          webhook.secretHint,
          webhook.createdAt,
          webhook.updatedAt,
        );
        raiseVersion.run(account);
        return 'created';
      });
    },

    listWebhooks(account, { limit, after = AFTER_ALL_IDS }) {
      return pageOf(list.all(bare(account), bare(after), limit + 1), limit, webhook);
    },

    updateWebhook(account, id, changes, updatedAt) {
      const before = getWebhook(account, id);
      if (before === null) return null;
      const after: Webhook = { ...before, ...changes, updatedAt };
      update.run(
        after.url,
        JSON.stringify(after.events),
        after.description,
        after.status,
        after.disabledReason,
        after.secretSealed,
        after.secretHint,
        updatedAt,
        bare(account),
        bare(id),
      );
      raiseVersion.run(bare(account));
      return after;
    },

    deleteWebhook(account, id, deletedAt) {
      if (remove.run(deletedAt, bare(account), bare(id)).changes === 0) return 'missing';
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
      if (row === undefined) return null;
      const status = row.deleted_at === null ? text(row, 'status') : 'deleted';
      return {
        ...ref,
        url: text(row, 'url'),
        secretSealed: text(row, 'secret_sealed'),
        status: status as Webhook['status'] | 'deleted',
      };
    },
  };
}

function webhook(row: Row): Webhook {
  return {
    accountId: accountId(text(row, 'account_id')),
    id: webhookId(text(row, 'id')),
    url: text(row, 'url'),
    events: events(row),
    description: text(row, 'description'),
    status: text(row, 'status') as Webhook['status'],
    disabledReason: textOrNull(row, 'disabled_reason'),
    secretSealed: text(row, 'secret_sealed'),
    secretHint: text(row, 'secret_hint'),
    createdAt: integer(row, 'created_at'),
    updatedAt: integer(row, 'updated_at'),
  };
}

function events(row: Row): string[] {
  return JSON.parse(text(row, 'events'));
}
