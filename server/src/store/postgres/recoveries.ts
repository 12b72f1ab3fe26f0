import { covers } from '../../core/event-types.ts';
import { firstIdAt, type NewId } from '../../core/ids.ts';
import type { DueDelivery, DueEvent, RecoveryStep, Store } from '../../core/ports.ts';
import { dueEvent, idsMadeWith, MADE_LATER } from '../delivery-rows.ts';
import { accountId, bare, recoveryId, webhookId } from '../ids.ts';
import { RECOVERY_COLUMNS, recovery } from '../recovery-rows.ts';
import { integer, type Row, text } from '../rows.ts';
import { events as eventsOf } from '../webhook-rows.ts';
import { type Belief, handOverOrWake, tellOwner } from './fence.ts';
import { onceIn } from './once.ts';
import type { Transaction, Transactions } from './transaction.ts';

export interface RecoveryPorts {
  transactions: Transactions;
  belief: Belief;
  newId: NewId;
}

export function recoveryOperations({
  transactions,
  belief,
  newId,
}: RecoveryPorts): Pick<
  Store,
  'createRecovery' | 'getRecovery' | 'runningRecoveries' | 'recoverStep'
> {
  return {
    createRecovery: ({ once, ...made }) =>
      transactions.write((transaction) => {
        const account = bare(made.accountId);
        const webhook = bare(made.webhookId);
        return onceIn(transaction, account, once, async (keep) => {
          // Of two that come at once the second finds the first.
          const [found] = await transaction.rows(`${WEBHOOK_OF} for update`, [account, webhook]);
          if (found === undefined) return 'webhook_missing';
          if (found.status === 'disabled') return 'webhook_disabled';
          const [running] = await transaction.rows(RUNNING_OF, [account, webhook]);
          if (running !== undefined) return 'already_running';
          keep();
          const { accountId, webhookId, id, since, until, status } = made;
          await Promise.all([
            transaction.run(INSERT, [
              account,
              bare(id),
              webhook,
              since,
              until,
              firstIdAt(since),
              status,
              made.deliveryCount,
              made.createdAt,
              made.endedAt,
            ]),
            tellOwner(transaction, belief, { accountId, webhookId }),
          ]);
          return 'created';
        });
      }),

    async getRecovery(account, id) {
      const [row] = await transactions.readRows(SELECT, [bare(account), bare(id)]);
      return row === undefined ? null : recovery(row);
    },

    async runningRecoveries() {
      const rows = await transactions.readRows(RUNNING);
      return rows.map((row) => ({
        id: recoveryId(text(row, 'id')),
        webhook: {
          accountId: accountId(text(row, 'account_id')),
          webhookId: webhookId(text(row, 'webhook_id')),
        },
      }));
    },

    recoverStep: ({ accountId, id, limit, now }) =>
      transactions.write(async (transaction): Promise<RecoveryStep> => {
        const key = [bare(accountId), bare(id)];
        const [row] = await transaction.rows(`${SELECT} for update`, key);
        if (row?.status !== 'running') return { made: 0, isDone: true };
        const account = bare(accountId);
        const position = text(row, 'position');
        const hook = text(row, 'webhook_id');
        const [webhook] = await transaction.rows(WEBHOOK_OF, [account, hook]);
        if (webhook === undefined || webhook.status === 'disabled') {
          await transaction.run(GO_ON, [...key, position, 0, 'cancelled', now]);
          return { made: 0, isDone: true };
        }
        const below = firstIdAt(integer(row, 'until'));
        const events = await transaction.rows(EVENTS_AFTER, [account, position, below, limit]);
        const missed = await missedOf(transaction, row, eventsOf(webhook), events);
        await bringBack(transaction, row, missed, now);
        const last = events.at(-1);
        const reached = last === undefined ? position : text(last, 'id');
        const isDone = events.length < limit;
        const status = isDone ? 'done' : 'running';
        const endedAt = isDone ? now : null;
        await transaction.run(GO_ON, [...key, reached, missed.length, status, endedAt]);
        return { made: missed.length, isDone };
      }),
  };

  async function missedOf(
    transaction: Transaction,
    recovery: Row,
    subscriptions: readonly string[],
    events: readonly Row[],
  ): Promise<string[]> {
    const fitting = events
      .filter((event) => integer(event, 'test') === 0)
      .filter((event) => subscriptions.some((one) => covers(one, text(event, 'type'))))
      .map((event) => text(event, 'id'));
    if (fitting.length === 0) return [];
    const account = text(recovery, 'account_id');
    const madeWith = fitting.map(idsMadeWith);
    const rows = await transaction.rows(DELIVERED, [
      account,
      text(recovery, 'webhook_id'),
      fitting,
      madeWith.map(({ from }) => from),
      madeWith.map(({ below }) => below),
    ]);
    const delivered = new Set(rows.map((row) => text(row, 'event_id')));
    return fitting.filter((id) => !delivered.has(id));
  }

  async function bringBack(
    transaction: Transaction,
    recovery: Row,
    eventIds: readonly string[],
    now: number,
  ): Promise<void> {
    if (eventIds.length === 0) return;
    const account = text(recovery, 'account_id');
    const hook = text(recovery, 'webhook_id');
    const ids = eventIds.map(() => newId('delivery'));
    const [seqs, events] = await Promise.all([
      transaction.rows(INSERT_PENDING, [account, hook, ids.map(bare)]),
      transaction.rows(EVENTS, [account, eventIds]),
      transaction.run(INSERT_DELIVERIES, [account, hook, ids.map(bare), eventIds, now]),
    ]);
    const eventOf = new Map<string, DueEvent>(
      events.map((row) => [text(row, 'event_id'), dueEvent(row)]),
    );
    const made = ids.map((id, index): DueDelivery => {
      const seq = seqs[index]?.seq;
      const event = eventOf.get(eventIds[index] ?? '');
      if (typeof seq !== 'number' || event === undefined) throw new Error('both rows are there');
      return {
        seq,
        accountId: accountId(account),
        id,
        webhookId: webhookId(hook),
        event,
        trigger: 'manual',
        attemptCount: 0,
        dueAt: now,
      };
    });
    await handOverOrWake(transaction, belief, made);
  }
}

const WEBHOOK_OF = `
  select status, events
  from webhooks
  where account_id = $1 and id = $2 and deleted_at is null
`;

const RUNNING_OF = `
  select 1
  from recoveries
  where account_id = $1 and webhook_id = $2 and status = 'running'
`;

const INSERT = `
  insert into recoveries (account_id, id, webhook_id, since, until, position, status,
    delivery_count, created_at, ended_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
`;

const SELECT = `
  select position, ${RECOVERY_COLUMNS}
  from recoveries
  where account_id = $1 and id = $2
`;

const RUNNING = `
  select account_id, id, webhook_id
  from recoveries
  where status = 'running'
`;

const EVENTS_AFTER = `
  select id, test, type
  from events
  where account_id = $1 and id > $2 and id < $3
  order by id
  limit $4
`;

/**
 * By the events, which have few deliveries each: a webhook has many, and a planner that knows nothing of
 * the table would rather look through those (`offset` keeps it from joining them).
 */
const hasDelivery = (condition: string) => `
  exists (
    select 1
    from (
      select webhook_id, status
      from deliveries
      where account_id = $1 and event_id = missed.id and ${condition}
      offset 0
    ) as d
    where d.webhook_id = $2 and d.status in ('pending', 'delivered')
  )
`;
const DELIVERED = `
  select missed.id as event_id
  from unnest($3::text[], $4::text[], $5::text[]) as missed (id, from_id, below_id)
  where ${hasDelivery('id >= missed.from_id and id < missed.below_id')}
    or ${hasDelivery(MADE_LATER)}
`;

const EVENTS = `
  select id as event_id, test, type as event_type, body
  from events
  where account_id = $1 and id = any($2::text[])
`;

/** Numbers are drawn in the order of the rows, and so the smallest belongs to the first of them. */
const INSERT_PENDING = `
  with made as (
    insert into pending (account_id, webhook_id, delivery_id)
    select $1, $2, delivery_id
    from unnest($3::text[]) with ordinality as made (delivery_id, n)
    order by n
    returning seq
  )
  select seq
  from made
  order by seq
`;

const INSERT_DELIVERIES = `
  insert into deliveries (account_id, id, webhook_id, event_id, event_type, "trigger", status,
    created_at, due_at)
  select e.account_id, made.id, $2, e.id, e.type, 'manual', 'pending', $5, $5
  from unnest($3::text[], $4::text[]) as made (id, event_id)
  join events e on e.account_id = $1 and e.id = made.event_id
`;

const GO_ON = `
  update recoveries
  set position = $3, delivery_count = delivery_count + $4, status = $5, ended_at = $6
  where account_id = $1 and id = $2
`;
