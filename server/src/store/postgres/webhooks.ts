import type { Webhook } from '../../core/model.ts';
import type { Store, WebhookChanges } from '../../core/ports.ts';
import { bare, webhookId } from '../ids.ts';
import { AFTER_ALL_IDS, integer, pageOf, text } from '../rows.ts';
import { changed, isBegunAnew } from '../webhook-changes.ts';
import {
  changeableColumns,
  events,
  TARGET_COLUMNS,
  targetOf,
  WEBHOOK_COLUMNS,
  webhook,
} from '../webhook-rows.ts';
import { type Belief, tellOwner } from './fence.ts';
import { onceIn } from './once.ts';
import type { Transaction, Transactions } from './transaction.ts';

type WebhookOperations = Pick<
  Store,
  | 'createWebhook'
  | 'getWebhook'
  | 'listWebhooks'
  | 'updateWebhook'
  | 'rotateSecret'
  | 'deleteWebhook'
  | 'subscriptions'
  | 'target'
>;

/**
 * Whoever changes a webhook raises its account's version first: changes of one account come one after
 * the other, and none waits for a row while it keeps that one from another.
 */
export function webhookOperations(transactions: Transactions, belief: Belief): WebhookOperations {
  return {
    createWebhook: (made, { perAccountMax }, record) =>
      transactions.write((transaction) => {
        const account = bare(made.accountId);
        return onceIn(transaction, account, record, async (keep) => {
          await transaction.run(LOCK_ACCOUNT, [account]);
          const [row] = await transaction.rows(COUNT_OF_ACCOUNT, [account]);
          if (integer(row ?? {}, 'count') >= perAccountMax) return 'too_many';
          keep();
          await Promise.all([
            transaction.run(INSERT, insertValues(made)),
            transaction.run(RAISE_VERSION, [account]),
          ]);
          return 'created';
        });
      }),

    async getWebhook(account, id) {
      const [row] = await transactions.readRows(SELECT, [bare(account), bare(id)]);
      return row === undefined ? null : webhook(row);
    },

    async listWebhooks(account, { limit, after = AFTER_ALL_IDS }) {
      const rows = await transactions.readRows(LIST, [bare(account), bare(after), limit + 1]);
      return pageOf(rows, limit, webhook);
    },

    updateWebhook: (account, id, changes, updatedAt) =>
      transactions.write((transaction) => update(transaction, account, id, changes, updatedAt)),

    rotateSecret: ({ accountId, webhookId, secret, rotatedAt, once }) =>
      transactions.write((transaction) =>
        onceIn(transaction, bare(accountId), once, async (keep) => {
          const after = await update(transaction, accountId, webhookId, { secret }, rotatedAt);
          if (after === null) return 'missing';
          keep();
          return 'rotated';
        }),
      ),

    deleteWebhook: (account, id, deletedAt) =>
      transactions.write(async (transaction) => {
        const key = [bare(account), bare(id)];
        await transaction.run(LOCK_ACCOUNT, [bare(account)]);
        if ((await transaction.run(REMOVE, [...key, deletedAt])) === 0) return 'missing';
        await Promise.all([
          transaction.run(FORGET_LANE, key),
          transaction.run(RAISE_VERSION, [bare(account)]),
          tellOwner(transaction, belief, { accountId: account, webhookId: id }),
        ]);
        return 'deleted';
      }),

    subscriptions: (account) =>
      transactions.read(async ({ rows }) => {
        const [[version], subscribing] = await Promise.all([
          rows(VERSION, [bare(account)]),
          rows(SUBSCRIBING, [bare(account)]),
        ]);
        return {
          version: Number(version?.webhooks_version ?? 0),
          webhooks: subscribing.map((row) => ({
            id: webhookId(text(row, 'id')),
            events: events(row),
          })),
        };
      }),

    async target(ref) {
      const [row] = await transactions.readRows(TARGET, [bare(ref.accountId), bare(ref.webhookId)]);
      return row === undefined ? null : targetOf(ref, row);
    },
  };

  async function update(
    transaction: Transaction,
    account: string,
    id: string,
    changes: WebhookChanges,
    updatedAt: number,
  ): Promise<Webhook | null> {
    const key = [bare(account), bare(id)];
    await transaction.run(LOCK_ACCOUNT, [bare(account)]);
    const [row] = await transaction.rows(`${SELECT} for update`, key);
    if (row === undefined) return null;
    const before = webhook(row);
    const after = changed(before, changes, updatedAt);
    await Promise.all([
      transaction.run(UPDATE, updateValues(after)),
      isBegunAnew(before, after) ? transaction.run(FORGET_LANE, key) : null,
      transaction.run(RAISE_VERSION, [bare(account)]),
      tellOwner(transaction, belief, { accountId: account, webhookId: id }),
    ]);
    return after;
  }
}

/** The columns of `changeableColumns` that an update sets; what a webhook is found by is behind them. */
const CHANGEABLE = [
  'url',
  'events',
  'description',
  'status',
  'disabled_reason',
  'secret_sealed',
  'secret_hint',
  'secret_before_sealed',
  'secret_before_until',
  'secret_prefers_new',
  'held_until',
  'ordering',
  'rate_limit_max',
  'rate_limit_per_ms',
  'concurrency_max',
  'retry_schedule',
  'on_gone',
  'updated_at',
] as const;
const KEYED = [...CHANGEABLE, 'account_id', 'id'] as const;
const place = (column: (typeof KEYED)[number]) => `$${KEYED.indexOf(column) + 1}`;

function updateValues(after: Webhook): unknown[] {
  const columns = changeableColumns(after);
  return KEYED.map((column) => columns[column]);
}

function insertValues(made: Webhook): unknown[] {
  return [...updateValues(made), made.createdAt];
}

const INSERT = `
  insert into webhooks (${KEYED.join(', ')}, created_at, rate_limited_since)
  values (${KEYED.map(place).join(', ')}, $21,
    case when ${place('rate_limit_max')}::integer is null then null else $21::bigint end)
`;

const UPDATE = `
  update webhooks
  set ${CHANGEABLE.map((column) => `${column} = ${place(column)}`).join(', ')},
    rate_limited_since = case when ${place('rate_limit_max')}::integer is null then null
      else coalesce(rate_limited_since, ${place('updated_at')}::bigint) end
  where account_id = ${place('account_id')} and id = ${place('id')} and deleted_at is null
`;

/** Before anything of the account's webhooks is changed. */
export const LOCK_ACCOUNT = `
  select 1
  from accounts
  where id = $1
  for no key update
`;

/** For each change that decides which webhooks an event goes to. */
export const RAISE_VERSION = `
  update accounts
  set webhooks_version = webhooks_version + 1
  where id = $1
`;

const COUNT_OF_ACCOUNT = `
  select count(*) as count
  from webhooks
  where account_id = $1 and deleted_at is null
`;

const SELECT = `
  select ${WEBHOOK_COLUMNS}
  from webhooks
  where account_id = $1 and id = $2 and deleted_at is null
`;

const LIST = `
  select ${WEBHOOK_COLUMNS}
  from webhooks
  where account_id = $1 and id < $2 and deleted_at is null
  order by id desc
  limit $3
`;

const REMOVE = `
  update webhooks
  set deleted_at = $3, secret_sealed = '', secret_hint = '', secret_before_sealed = null,
    secret_before_until = null, secret_prefers_new = 0
  where account_id = $1 and id = $2 and deleted_at is null
`;

const FORGET_LANE = `
  delete from lanes
  where account_id = $1 and webhook_id = $2
`;

const VERSION = `
  select webhooks_version
  from accounts
  where id = $1
`;

const SUBSCRIBING = `
  select id, events
  from webhooks
  where account_id = $1 and deleted_at is null and status <> 'disabled'
`;

const TARGET = `
  select ${TARGET_COLUMNS}
  from webhooks w
  left join lanes l on l.account_id = w.account_id and l.webhook_id = w.id
  where w.account_id = $1 and w.id = $2
`;
