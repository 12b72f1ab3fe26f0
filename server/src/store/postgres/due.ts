import type { DueDelivery, DueEvent, DueRequest, DueResult, Store } from '../../core/ports.ts';
import { dueDelivery, dueEvent } from '../delivery-rows.ts';
import { freshFirst, inTurns, pendingPage, rowsMax, wanted, webhookRef } from '../due-order.ts';
import { bare } from '../ids.ts';
import { integer, integerOrNull, type Row, text } from '../rows.ts';
import { type Floors, IS_ABOVE_FLOOR } from './floors.ts';
import type { Transaction, Transactions } from './transaction.ts';

/** Bodies that are read in one statement: what does not fit into the page is read for nothing. */
const BODIES_AT_ONCE = 100;

/** The engine's questions. */
export function dueOperations(
  transactions: Transactions,
  floors: Floors,
): Pick<Store, 'webhooksWithPending' | 'countPending' | 'due'> {
  return {
    async webhooksWithPending({ after, limit, counts, shards }) {
      const from = after ?? { accountId: '', webhookId: '' };
      const key = [bare(from.accountId), bare(from.webhookId), limit];
      const rows = await transactions.readRows(counts ? COUNT_PENDING : FIND_PENDING, key);
      return pendingPage(rows, { limit, shards, pendingWebhook });
    },

    async countPending({ accountId, webhookId }, max) {
      const key = [bare(accountId), bare(webhookId), max];
      const [row] = await transactions.readRows(COUNT_OF_ONE, key);
      return integer(row ?? {}, 'count');
    },

    due: (request) =>
      transactions.read((transaction) =>
        request.ordering === 'strict'
          ? dueInOrder(transaction, request, floors)
          : dueByNow(transaction, request, floors),
      ),
  };
}

/** The oldest, whether it was tried or not. */
async function dueInOrder(
  transaction: Transaction,
  request: DueRequest,
  floors: Floors,
): Promise<DueResult> {
  const key = [bare(request.accountId), bare(request.webhookId), rowsMax(request)];
  const [fresh, tried] = await Promise.all([
    freshOf(transaction, request, floors),
    transaction.rows(TRIED_BY_SEQ, key),
  ]);
  const all = [...wanted(fresh, request), ...wanted(tried, request)].sort((a, b) => a - b);
  const found = [...fresh, ...tried];
  return { ...(await read(transaction, request, all, found)), nextDueAt: null };
}

/**
 * Of what was never tried and what is to be tried again each gets one turn after the other, so that
 * neither waits for the end of the other; what one leaves of the page the other takes.
 */
async function dueByNow(
  transaction: Transaction,
  request: DueRequest,
  floors: Floors,
): Promise<DueResult> {
  const { dueBefore } = request;
  const key = [bare(request.accountId), bare(request.webhookId)];
  const [fresh, again, [next]] = await Promise.all([
    freshOf(transaction, request, floors),
    transaction.rows(TRIED_DUE, [...key, rowsMax(request), dueBefore]),
    transaction.rows(NEXT_DUE, [...key, dueBefore]),
  ]);
  const order = inTurns(wanted(fresh, request), wanted(again, request));
  const { deliveries, more } = await read(transaction, request, order, [...fresh, ...again]);
  return {
    deliveries: freshFirst(deliveries),
    more,
    nextDueAt: integerOrNull(next ?? {}, 'due_at'),
  };
}

/** What was never tried, by number: the first statement of its transaction. */
async function freshOf(
  transaction: Transaction,
  request: DueRequest,
  floors: Floors,
): Promise<Row[]> {
  const floor = floors.reading(transaction, request);
  const key = [bare(request.accountId), bare(request.webhookId), rowsMax(request)];
  const rows = await transaction.rows(FRESH, [...key, ...floor.values]);
  await floor.found(rows);
  return rows;
}

/** Reads them in this order, until the page or the bytes are full. */
async function read(
  transaction: Transaction,
  request: DueRequest,
  seqs: readonly number[],
  found: readonly Row[],
): Promise<Pick<DueResult, 'deliveries' | 'more'>> {
  const { limit, bytesMax } = request;
  const idOf = new Map(found.map((row) => [integer(row, 'seq'), text(row, 'delivery_id')]));
  const deliveries: DueDelivery[] = [];
  const events = new Map<string, DueEvent>();
  let bytes = 0;
  let taken = 0;
  while (taken < seqs.length && deliveries.length < limit && bytes < bytesMax) {
    const some = seqs.slice(taken, taken + Math.min(BODIES_AT_ONCE, limit - deliveries.length));
    taken += some.length;
    const ids = some.map((seq) => idOf.get(seq) ?? '');
    const rows = await transaction.rows(DELIVERIES, [bare(request.accountId), ids]);
    const rowOf = new Map(rows.map((row) => [text(row, 'id'), row]));
    for (const [index, seq] of some.entries()) {
      if (bytes >= bytesMax) break;
      const row = rowOf.get(ids[index] ?? '');
      if (row === undefined) continue;
      const eventId = text(row, 'event_id');
      let event = events.get(eventId);
      if (event === undefined) {
        event = dueEvent(row);
        events.set(eventId, event);
        bytes += event.body.length;
      }
      deliveries.push(dueDelivery({ ...row, seq }, event));
    }
  }
  return { deliveries, more: deliveries.length < seqs.length };
}

function pendingWebhook(row: Row) {
  const dueAt = integerOrNull(row, 'due_at');
  return {
    ...webhookRef(row),
    dueAt: dueAt ?? 0,
    count: dueAt === null ? 0 : integer(row, 'count'),
  };
}

/**
 * The webhook is the outer row, so that each has its own look at the index; what was never tried stands
 * first in it.
 */
const withPending = (count: string) => `
  select w.account_id, w.id, ${count} as count, (
    select p.due_at
    from pending p
    where p.account_id = w.account_id and p.webhook_id = w.id
    order by p.due_at, p.seq
    limit 1
  ) as due_at
  from webhooks w
  where (w.account_id, w.id) > ($1, $2)
  order by w.account_id, w.id
  limit $3
`;
const COUNT_PENDING = withPending(`(
    select count(*)
    from pending p
    where p.account_id = w.account_id and p.webhook_id = w.id
  )`);
const FIND_PENDING = withPending('1');

const COUNT_OF_ONE = `
  select count(*) as count
  from (
    select 1
    from pending
    where account_id = $1 and webhook_id = $2
    limit $3
  ) as counted
`;

const FRESH = `
  select seq, delivery_id
  from pending
  where account_id = $1 and webhook_id = $2 and due_at = 0 and ${IS_ABOVE_FLOOR}
  order by seq
  limit $3
`;

const TRIED_DUE = `
  select seq, delivery_id
  from pending
  where account_id = $1 and webhook_id = $2 and due_at > 0 and due_at <= $4::bigint
  order by due_at, seq
  limit $3
`;

const TRIED_BY_SEQ = `
  select seq, delivery_id
  from pending
  where account_id = $1 and webhook_id = $2 and due_at > 0
  order by seq
  limit $3
`;

const NEXT_DUE = `
  select min(due_at) as due_at
  from pending
  where account_id = $1 and webhook_id = $2 and due_at > greatest($3::bigint, 0)
`;

/**
 * Each row by a look of its own, and its body too (`limit` keeps the planner from making one join of
 * them): while it knows nothing of a table yet, a list of ids was looked for in all of the account's
 * deliveries (37 ms for 82 of 88,000), and a join compared each with all of its events (167 ms).
 */
const DELIVERIES = `
  select d.*, e.body
  from unnest($2::text[]) as wanted (id)
  cross join lateral (
    select account_id, id, webhook_id, event_id, test, event_type, "trigger", attempt_count, due_at
    from deliveries
    where account_id = $1 and id = wanted.id
    limit 1
  ) as d
  cross join lateral (
    select body
    from events
    where account_id = $1 and id = d.event_id
    limit 1
  ) as e
`;
