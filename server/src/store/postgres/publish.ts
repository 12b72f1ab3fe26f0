import { covers } from '../../core/event-types.ts';
import type { NewId } from '../../core/ids.ts';
import type {
  DueDelivery,
  DueEvent,
  NewDelivery,
  NewEvent,
  NewEvents,
  OnceRecord,
  OnceResult,
  Store,
} from '../../core/ports.ts';
import { bare, webhookId } from '../ids.ts';
import { integer, text } from '../rows.ts';
import { events as eventsOf } from '../webhook-rows.ts';
import { type Belief, type Fence, leaveWakes, lockOwned } from './fence.ts';
import { createGroups, type Outcome } from './groups.ts';
import { EARLIER, earlier, REPLACE_EXPIRED } from './once.ts';
import { kept } from './statements.ts';
import type { Sent, Transaction, Transactions } from './transaction.ts';

export interface PublishPorts {
  transactions: Transactions;
  belief: Belief;
  newId: NewId;
}

/** Rows in one batch, events and deliveries. */
const BATCH_ROWS_MAX = 2_000;
const BATCH_ROWS_MIN = 40;
const BATCHES_AT_ONCE = 3;

type Published = OnceResult<'accepted' | 'stale'>;

/** What becomes of a publish inside its batch; `lost`: its idempotency key was there already. */
type Fate = 'accepted' | 'stale' | 'lost';

/**
 * Publishes share transactions, several at once. A batch is two round trips: what decides (keys kept,
 * versions compared, shards locked), then what is inserted, and the commit behind it.
 */
export function publishOperations({
  transactions,
  belief,
  newId,
}: PublishPorts): Pick<Store, 'publish'> {
  const add = createGroups<NewEvents, Published>(
    {
      atOnce: BATCHES_AT_ONCE,
      sizeMax: BATCH_ROWS_MAX,
      sizeMin: BATCH_ROWS_MIN,
      sizeOf: ({ events }) =>
        events.reduce((sum, { deliveries }) => sum + 1 + deliveries.length, 0),
    },
    publishTogether,
  );

  return {
    async publish(publish) {
      return await add(publish.webhooksVersion === null ? await matchedHere(publish) : publish);
    },
  };

  /**
   * For an account whose webhooks change faster than publishers can match: it cannot starve. What is
   * changed after this was read was changed while the publish was on its way.
   */
  async function matchedHere(publish: NewEvents): Promise<NewEvents> {
    const rows = await transactions.readRows(SUBSCRIBING, [bare(publish.accountId)]);
    const webhooks = rows.map((row) => ({
      webhookId: webhookId(text(row, 'id')),
      subscriptions: eventsOf(row),
    }));
    const events = publish.events.map((event) => ({
      ...event,
      deliveries: webhooks
        .filter(({ subscriptions }) => subscriptions.some((one) => covers(one, event.type)))
        .map(({ webhookId }) => ({ id: newId('delivery', event.id), webhookId })),
    }));
    return { ...publish, events };
  }

  async function publishTogether(batch: readonly NewEvents[]): Promise<Outcome<Published>[]> {
    const asked = firstOfEachKey(batch);
    const fates = await transactions.batch(asked.length, (transaction) =>
      insertAll(transaction, asked),
    );
    const fateOf = new Map(asked.map((publish, index) => [publish, fates[index] ?? 'stale']));
    return await Promise.all(batch.map((publish) => outcomeOf(publish, fateOf.get(publish))));
  }

  async function insertAll(
    transaction: Transaction,
    asked: readonly NewEvents[],
  ): Promise<Sent<Fate[]>> {
    const [fates, fence] = await Promise.all([
      decide(transaction, asked),
      lockOwned(transaction, belief, webhookIdsOf(asked)),
    ]);
    const accepted = asked.filter((_, index) => fates[index] === 'accepted');
    return { result: insert(transaction, fence, accepted).then(() => fates) };
  }

  async function outcomeOf(
    publish: NewEvents,
    fate: Fate | undefined,
  ): Promise<Outcome<Published>> {
    const { once, accountId } = publish;
    if (fate === undefined) return 'again';
    if (once === undefined) return { result: { result: fate === 'stale' ? fate : 'accepted' } };
    if (fate === 'accepted') return { result: { result: fate } };
    // The first answer stands, also when the webhooks have changed since.
    const key = [bare(accountId), once.key, once.createdAt];
    const [row] = await transactions.readRows(EARLIER, key);
    if (row !== undefined) return { result: { earlier: earlier(row) } };
    return fate === 'stale' ? { result: { result: fate } } : 'again';
  }
}

/** Of publishes with one key only the first is tried; the others are answered after it, from its record. */
function firstOfEachKey(batch: readonly NewEvents[]): NewEvents[] {
  const keys = new Set<string>();
  return batch.filter(({ accountId, once }) => {
    if (once === undefined) return true;
    const key = `${accountId} ${once.key}`;
    if (keys.has(key)) return false;
    keys.add(key);
    return true;
  });
}

function* webhookIdsOf(publishes: readonly NewEvents[]) {
  for (const { events } of publishes) {
    for (const { deliveries } of events) for (const { webhookId } of deliveries) yield webhookId;
  }
}

async function decide(transaction: Transaction, asked: readonly NewEvents[]): Promise<Fate[]> {
  const hasKeys = asked.some(({ once }) => once !== undefined);
  return await (hasKeys ? keepKeys(transaction, asked) : compareVersions(transaction, asked));
}

async function compareVersions(
  transaction: Transaction,
  asked: readonly NewEvents[],
): Promise<Fate[]> {
  const accounts = [...new Set(asked.map(({ accountId }) => bare(accountId)))];
  const rows = await transaction.rows(VERSIONS, [accounts]);
  const versions = new Map(rows.map((row) => [row.id, row.webhooks_version]));
  return asked.map(({ accountId, webhooksVersion }) => {
    const isFresh = webhooksVersion === null || versions.get(bare(accountId)) === webhooksVersion;
    return isFresh ? 'accepted' : 'stale';
  });
}

/** One statement, and so one moment: a publish that is stale must not have used its key. */
async function keepKeys(transaction: Transaction, asked: readonly NewEvents[]): Promise<Fate[]> {
  const once = (value: (record: OnceRecord) => unknown) =>
    asked.map((publish) => (publish.once === undefined ? null : value(publish.once)));
  const rows = await transaction.rows(KEEP_KEYS, [
    asked.map(({ accountId }) => bare(accountId)),
    asked.map(({ webhooksVersion }) => webhooksVersion),
    once(({ key }) => key),
    once(({ fingerprint }) => fingerprint),
    once(({ status }) => status),
    once(({ body }) => body),
    once(({ sealed }) => (sealed ? 1 : 0)),
    once(({ createdAt }) => createdAt),
    once(({ expiresAt }) => expiresAt),
  ]);
  const isKept = new Map(rows.map((row) => [integer(row, 'n') - 1, row.is_kept]));
  return asked.map((publish, index) => {
    const kept = isKept.get(index);
    if (kept === undefined) return 'stale';
    return publish.once === undefined || kept ? 'accepted' : 'lost';
  });
}

interface NewRow {
  event: NewEvent;
  delivery: NewDelivery;
}

async function insert(
  transaction: Transaction,
  fence: Fence,
  publishes: readonly NewEvents[],
): Promise<void> {
  const events = publishes.flatMap((publish) => publish.events);
  const rows = events.flatMap((event) => event.deliveries.map((delivery) => ({ event, delivery })));
  const others = rows.filter(({ delivery }) => !fence.owns(delivery.webhookId));
  const [seqs] = await Promise.all([
    insertDeliveries(transaction, rows),
    insertEvents(transaction, events),
    leaveWakes(
      transaction,
      'pending',
      others.map(({ event: { accountId }, delivery: { webhookId } }) => ({ accountId, webhookId })),
    ),
  ]);
  transaction.events += events.length;
  transaction.pending.push(...handedOver(rows, seqs, fence));
}

async function insertEvents(transaction: Transaction, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  await transaction.run(INSERT_EVENTS, [
    events.map(({ accountId }) => bare(accountId)),
    events.map(({ id }) => bare(id)),
    events.map(({ type }) => type),
    events.map(({ createdAt }) => createdAt),
    events.map(({ body }) => body),
  ]);
}

/** Answers the numbers of the rows, in their order. */
async function insertDeliveries(
  transaction: Transaction,
  rows: readonly NewRow[],
): Promise<number[]> {
  if (rows.length === 0) return [];
  const accounts = rows.map(({ event }) => bare(event.accountId));
  const webhooks = rows.map(({ delivery }) => bare(delivery.webhookId));
  const ids = rows.map(({ delivery }) => bare(delivery.id));
  // Numbers are drawn after something else was written: `floors.ts` says why.
  const [, seqs] = await Promise.all([
    transaction.run(INSERT_DELIVERIES, [
      accounts,
      ids,
      webhooks,
      rows.map(({ event }) => bare(event.id)),
      rows.map(({ event }) => event.type),
      rows.map(({ event }) => event.createdAt),
    ]),
    transaction.rows(INSERT_PENDING, [accounts, webhooks, ids]),
  ]);
  return seqs.map((row) => integer(row, 'seq'));
}

/** The deliveries of an event share one object. */
function handedOver(rows: readonly NewRow[], seqs: readonly number[], fence: Fence): DueDelivery[] {
  const due = new Map<NewEvent, DueEvent>();
  return rows.flatMap(({ event, delivery }, index) => {
    const seq = seqs[index];
    if (seq === undefined) throw new Error('every row has a number');
    const epoch = fence.epochOf(delivery.webhookId);
    if (epoch === undefined) return [];
    const { id, type, body, accountId, createdAt } = event;
    const shared = due.get(event) ?? { id, type, body };
    due.set(event, shared);
    return {
      seq,
      accountId,
      ...delivery,
      event: shared,
      trigger: 'schedule',
      attemptCount: 0,
      dueAt: createdAt,
      epoch,
    };
  });
}

const SUBSCRIBING = `
  select id, events
  from webhooks
  where account_id = $1 and deleted_at is null and status <> 'disabled'
`;

const VERSIONS = kept(`
  select id, webhooks_version
  from accounts
  where id = any($1::text[])
`);

const KEEP_KEYS = kept(`
  with asked as (
    select *
    from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::integer[], $6::text[],
      $7::smallint[], $8::bigint[], $9::bigint[]) with ordinality
      as asked (account_id, version, key, fingerprint, status, body, sealed, created_at, expires_at, n)
  ),
  fresh as (
    select asked.*
    from asked
    left join accounts a on a.id = asked.account_id
    where asked.version is null or asked.version = a.webhooks_version
  ),
  kept as (
    insert into idempotency (account_id, key, fingerprint, status, body, sealed, created_at, expires_at)
    select account_id, key, fingerprint, status, body, sealed, created_at, expires_at
    from fresh
    where key is not null
    order by account_id, key
    ${REPLACE_EXPIRED}
    returning account_id, key
  )
  select fresh.n, kept.key is not null as is_kept
  from fresh
  left join kept on kept.account_id = fresh.account_id and kept.key = fresh.key
`);

const INSERT_EVENTS = kept(`
  insert into events (account_id, id, type, created_at, body)
  select *
  from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])
`);

const INSERT_DELIVERIES = kept(`
  insert into deliveries (account_id, id, webhook_id, event_id, event_type, "trigger", status,
    created_at, due_at)
  select account_id, id, webhook_id, event_id, event_type, 'schedule', 'pending', created_at, created_at
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    as made (account_id, id, webhook_id, event_id, event_type, created_at)
`);

/** Numbers are drawn in the order of the rows, and so the smallest belongs to the first of them. */
const INSERT_PENDING = kept(`
  with made as (
    insert into pending (account_id, webhook_id, delivery_id)
    select account_id, webhook_id, delivery_id
    from unnest($1::text[], $2::text[], $3::text[]) with ordinality
      as made (account_id, webhook_id, delivery_id, n)
    order by n
    returning seq
  )
  select seq
  from made
  order by seq
`);
