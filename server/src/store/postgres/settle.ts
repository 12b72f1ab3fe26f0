import type { Attempt } from '../../core/model.ts';
import type { Settlement, SettleResult, Store } from '../../core/ports.ts';
import { shardOf } from '../../core/shards.ts';
import { bare } from '../ids.ts';
import { integer } from '../rows.ts';
import { lockShards } from './fence.ts';
import { createGroups } from './groups.ts';
import { kept, type Statement } from './statements.ts';
import type { Sent, Transaction, Transactions } from './transaction.ts';

const BATCH_SETTLEMENTS_MAX = 1_000;
const BATCHES_AT_ONCE = 2;

/**
 * Settlements share transactions as publishes do: two round trips for a batch, the locks of its shards
 * with their epochs, then what is written. The row in `pending` decides: who deletes or changes it has
 * settled the delivery; where it is gone somebody else ended it, and only the attempt is kept.
 */
export function settleOperations(transactions: Transactions): Pick<Store, 'settle'> {
  const add = createGroups<readonly Settlement[], SettleResult[]>(
    {
      atOnce: BATCHES_AT_ONCE,
      sizeMax: BATCH_SETTLEMENTS_MAX,
      sizeMin: 1,
      sizeOf: (settlements) => settlements.length,
    },
    async (calls) => {
      const all = calls.flat();
      const results = await transactions.batch(calls.length, (transaction) =>
        settleAll(transaction, all),
      );
      let from = 0;
      return calls.map(({ length }) => {
        from += length;
        return { result: results.slice(from - length, from) };
      });
    },
  );

  return {
    settle: async (settlements) => (settlements.length === 0 ? [] : await add(settlements)),
  };
}

async function settleAll(
  transaction: Transaction,
  settlements: readonly Settlement[],
): Promise<Sent<SettleResult[]>> {
  const shards = new Set(settlements.map(({ webhookId }) => shardOf(webhookId)));
  const epochs = await lockShards(transaction, [...shards]);
  const results = new Map<Settlement, SettleResult>();
  const ours = settlements.filter(({ webhookId, epoch }) => {
    return epochs.get(shardOf(webhookId)) === epoch;
  });
  const rounds = inRounds(ours).map((round) => settleRound(transaction, round, results));
  return {
    result: Promise.all(rounds).then(() => settlements.map((one) => results.get(one) ?? 'fenced')),
  };
}

/** One statement changes a row once: of several settlements of one delivery each has a round of its own. */
function inRounds(settlements: readonly Settlement[]): Settlement[][] {
  const rounds: Settlement[][] = [];
  const counts = new Map<string, number>();
  for (const settlement of settlements) {
    const key = `${settlement.accountId} ${settlement.deliveryId}`;
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    const round = rounds[count] ?? [];
    rounds[count] = round;
    round.push(settlement);
  }
  return rounds;
}

async function settleRound(
  transaction: Transaction,
  round: readonly Settlement[],
  results: Map<Settlement, SettleResult>,
): Promise<void> {
  const again = round.filter(({ status }) => status === 'pending');
  const ended = round.filter(({ status }) => status !== 'pending');
  const [endedNow, delayed] = await Promise.all([
    changed(transaction, END, ended),
    changed(transaction, DELAY, again, [again.map(({ dueAt }) => dueAt)]),
    keepBefore(
      transaction,
      round.filter(({ attempt }) => attempt.number > 1),
    ),
    keepFirstTries(transaction, round),
    writeAttempts(transaction, round),
  ]);
  for (const settlement of round) results.set(settlement, 'ended');
  for (const settlement of [...endedNow, ...delayed]) results.set(settlement, 'settled');
}

/** Those that were pending until now. */
async function changed(
  transaction: Transaction,
  sql: Statement,
  settlements: readonly Settlement[],
  more: readonly unknown[] = [],
): Promise<Settlement[]> {
  if (settlements.length === 0) return [];
  const rows = await transaction.rows(sql, [
    settlements.map(({ accountId }) => bare(accountId)),
    settlements.map(({ deliveryId }) => bare(deliveryId)),
    settlements.map((_, index) => index),
    ...more,
  ]);
  return rows.flatMap((row) => settlements[integer(row, 'n')] ?? []);
}

/** The row holds the newest attempt: the one before moves to `attempts` when a new one ends. */
async function keepBefore(
  transaction: Transaction,
  settlements: readonly Settlement[],
): Promise<void> {
  if (settlements.length === 0) return;
  await transaction.run(KEEP_BEFORE, [
    settlements.map(({ accountId }) => bare(accountId)),
    settlements.map(({ deliveryId }) => bare(deliveryId)),
    settlements.map(({ attempt }) => bare(attempt.id)),
  ]);
}

async function keepFirstTries(
  transaction: Transaction,
  settlements: readonly Settlement[],
): Promise<void> {
  const tries = settlements.flatMap(({ accountId, deliveryId, firstTry }) =>
    firstTry === null ? [] : [{ accountId, deliveryId, attempt: firstTry }],
  );
  if (tries.length === 0) return;
  await transaction.run(KEEP_FIRST_TRIES, keyed(tries));
}

async function writeAttempts(
  transaction: Transaction,
  round: readonly Settlement[],
): Promise<void> {
  await transaction.run(WRITE_ATTEMPTS, [
    ...keyed(round),
    round.map(({ status }) => status),
    round.map(({ dueAt }) => dueAt),
    round.map(({ webhookId }) => bare(webhookId)),
  ]);
}

type Keyed = Pick<Settlement, 'accountId' | 'deliveryId' | 'attempt'>;

function keyed(rows: readonly Keyed[]): unknown[][] {
  const of = (value: (attempt: Attempt) => unknown) => rows.map(({ attempt }) => value(attempt));
  return [
    rows.map(({ accountId }) => bare(accountId)),
    rows.map(({ deliveryId }) => bare(deliveryId)),
    of(({ id }) => bare(id)),
    of(({ number }) => number),
    of(({ startedAt }) => startedAt),
    of(({ responseCode }) => responseCode),
    of(({ responseTimeMs }) => responseTimeMs),
    of(({ responseBody }) => responseBody),
    of(({ failure }) => failure),
    of(({ note }) => note),
  ];
}

const END = kept(`
  delete from pending
  using unnest($1::text[], $2::text[], $3::integer[]) as ended (account_id, delivery_id, n)
  where pending.account_id = ended.account_id and pending.delivery_id = ended.delivery_id
  returning ended.n
`);

/** 0 would be one that was never tried. */
const DELAY = kept(`
  update pending
  set due_at = greatest(delayed.due_at, 1)
  from unnest($1::text[], $2::text[], $3::integer[], $4::bigint[])
    as delayed (account_id, delivery_id, n, due_at)
  where pending.account_id = delayed.account_id and pending.delivery_id = delayed.delivery_id
  returning delayed.n
`);

const KEEP_BEFORE = `
  insert into attempts (account_id, delivery_id, id, number, started_at, response_code,
    response_time_ms, response_body, failure, note)
  select d.account_id, d.id, d.attempt_id, d.attempt_count, d.attempt_started_at,
    d.attempt_response_code, d.attempt_response_time_ms, d.attempt_response_body, d.attempt_failure,
    d.attempt_note
  from unnest($1::text[], $2::text[], $3::text[]) as made (account_id, delivery_id, id)
  join deliveries d on d.account_id = made.account_id and d.id = made.delivery_id
  where d.attempt_id <> made.id
  on conflict do nothing
`;

const ATTEMPTS = `unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::bigint[], $6::integer[],
      $7::integer[], $8::text[], $9::text[], $10::text[]`;
const ATTEMPT_COLUMNS = `account_id, delivery_id, id, number, started_at, response_code,
      response_time_ms, response_body, failure, note`;

const KEEP_FIRST_TRIES = `
  insert into attempts (${ATTEMPT_COLUMNS})
  select made.*
  from ${ATTEMPTS}) as made (${ATTEMPT_COLUMNS})
  join deliveries d on d.account_id = made.account_id and d.id = made.delivery_id
  on conflict do nothing
`;

/**
 * Where somebody ended it while the exchange was in progress, what happened is kept and the end stands.
 * `sent_at` is when the attempt began, once more where the webhook has a rate limit. The webhook is named so
 * that either index of a delivery leads to it: for empty tables, one is as good as the other.
 */
const WRITE_ATTEMPTS = kept(`
  update deliveries d
  set status = case d.status when 'pending' then made.status else d.status end,
    due_at = case d.status when 'pending' then made.due_at else d.due_at end,
    attempt_count = made.number, attempt_id = made.id, attempt_started_at = made.started_at,
    attempt_response_code = made.response_code, attempt_response_time_ms = made.response_time_ms,
    attempt_response_body = made.response_body, attempt_failure = made.failure,
    attempt_note = made.note, sent_at = (
      select made.started_at
      from webhooks w
      where w.account_id = d.account_id and w.id = d.webhook_id and w.rate_limited_since is not null
    )
  from ${ATTEMPTS}, $11::text[], $12::bigint[], $13::text[])
    as made (${ATTEMPT_COLUMNS}, status, due_at, webhook_id)
  where d.account_id = made.account_id and d.webhook_id = made.webhook_id and d.id = made.delivery_id
`);
