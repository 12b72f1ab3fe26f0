import { channel } from 'node:diagnostics_channel';
import type pg from 'pg';
import {
  ANNOUNCEMENT_NAMES,
  type Announcements,
  type TransactionOutcome,
} from '../../core/announcements.ts';
import type { DueDelivery, HandOver } from '../../core/ports.ts';
import type { Row } from '../rows.ts';
import type { Database } from './database.ts';
import { DatabaseFault, faultOf, type Trouble } from './faults.ts';
import { type Statement, textOf } from './statements.ts';
import { written } from './values.ts';

/** A transaction that stood in another's way is begun again so many times at most. */
const TRIES_MAX = 5;
/** A plan that the server keeps is made anew after so long. */
const PLANS_MS_MAX = 1_000;

/**
 * Statements of one transaction, on a connection that nobody else uses meanwhile. What is sent without
 * a wait in between travels together, and is run in that order.
 */
export interface Transaction extends Made {
  rows(sql: Statement, values?: readonly unknown[]): Promise<Row[]>;
  /** Answers how many rows it changed. */
  run(sql: Statement, values?: readonly unknown[]): Promise<number>;
}

/** What the last statements answer: they are sent, and the commit goes out behind them at once. */
export interface Sent<Result> {
  result: Promise<Result>;
}

export interface Transactions {
  /** For many callers at once. All of these throw a `DatabaseFault`; after `lost` it may be committed. */
  batch<Result>(
    calls: number,
    work: (transaction: Transaction) => Promise<Sent<Result>>,
  ): Promise<Result>;
  /** One caller's, whose last statements need no wait. */
  writeAtOnce<Result>(work: (transaction: Transaction) => Promise<Sent<Result>>): Promise<Result>;
  write<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  /** Sees one moment throughout. */
  read<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  /** One statement, in one round trip. */
  readRows(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** What is told after a commit. */
export interface Committed {
  handOver: HandOver;
  leftWakes(): void;
}

export function createTransactions(database: Database, committed: Committed): Transactions {
  const { batches, others, begin, keepsStatements } = database;
  const reads = { pool: others, begin: begin.read, keepsStatements };
  const announcement: Announcements['transaction'] = channel(ANNOUNCEMENT_NAMES.transaction);

  return {
    batch: (calls, work) => again(() => commit(batches, calls, work)),
    writeAtOnce: (work) => again(() => commit(others, 1, work)),
    write: (work) => again(() => commit(others, 1, waited(work))),
    read: (work) => again(() => attempt(reads, created(), waited(work))),
    readRows: (sql, values) =>
      again(() => attempt(reads, created(), async ({ rows }) => ({ result: rows(sql, values) }))),
  };

  async function commit<Result>(
    pool: pg.Pool,
    calls: number,
    work: (transaction: Transaction) => Promise<Sent<Result>>,
  ): Promise<Result> {
    const times: Times = { startedAt: performance.now(), commitSentAt: null };
    const made = created();
    try {
      const place = { pool, begin: begin.write, keepsStatements };
      const result = await attempt(place, made, work, times);
      announce('committed', calls, made, times);
      if (made.pending.length > 0) committed.handOver(made.pending);
      if (made.leftWakes) committed.leftWakes();
      return result;
    } catch (error) {
      const outcome = OUTCOME_OF[error instanceof DatabaseFault ? error.trouble : 'call'];
      announce(outcome, calls, created(), times);
      throw error;
    }
  }

  function announce(outcome: TransactionOutcome, calls: number, made: Made, times: Times): void {
    if (!announcement.hasSubscribers) return;
    const endedAt = performance.now();
    const { startedAt, commitSentAt } = times;
    const durationMs = endedAt - startedAt;
    const syncMs = commitSentAt === null ? null : endedAt - commitSentAt;
    const { events, pending } = made;
    announcement.publish({
      outcome,
      calls,
      events,
      deliveries: pending.length,
      durationMs,
      syncMs,
    });
  }
}

/** What a transaction has inserted. */
export interface Made {
  /** Handed over when it is committed. */
  pending: DueDelivery[];
  events: number;
  /** Whether something was left for the owners of other shards. */
  leftWakes: boolean;
}

interface Times {
  startedAt: number;
  commitSentAt: number | null;
}

function created(): Made {
  return { pending: [], events: 0, leftWakes: false };
}

const OUTCOME_OF: Record<Trouble, TransactionOutcome> = {
  call: 'rolled_back',
  conflict: 'locked',
  unavailable: 'unavailable',
  lost: 'unavailable',
};

/** For work that waits for its last statement too. */
function waited<Result>(work: (transaction: Transaction) => Promise<Result>) {
  return async (transaction: Transaction): Promise<Sent<Result>> => ({
    result: Promise.resolve(await work(transaction)),
  });
}

async function again<Result>(transact: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await transact();
    } catch (error) {
      const isConflict = error instanceof DatabaseFault && error.trouble === 'conflict';
      if (!isConflict || tries === TRIES_MAX) throw error;
    }
  }
}

/** Where a transaction is run, and what it begins with. */
interface Place {
  pool: pg.Pool;
  begin: string;
  keepsStatements: boolean;
}

/** One transaction, from `begin` to the server's word that it is committed. */
async function attempt<Result>(
  { pool, begin, keepsStatements }: Place,
  made: Made,
  work: (transaction: Transaction) => Promise<Sent<Result>>,
  times?: Times,
): Promise<Result> {
  const client = await connect(pool);
  /** Of the first statement that failed: those behind it fail too, and not for a reason of their own. */
  let reason: unknown;
  const ask = (sql: Statement, values?: readonly unknown[]) => {
    const asked = send(client, keepsStatements ? sql : textOf(sql), values);
    // Whoever waits for it hears of it; what is sent behind a failure fails as well, often unheard.
    asked.catch((fault) => {
      reason ??= fault;
    });
    return asked;
  };
  try {
    void ask(keepsStatements && needsPlans(client) ? `${begin}; discard plans` : begin);
    const transaction = Object.assign(made, {
      rows: (sql: Statement, values?: readonly unknown[]) =>
        quietly(ask(sql, values).then(({ rows }) => rows as Row[])),
      run: (sql: Statement, values?: readonly unknown[]) =>
        quietly(ask(sql, values).then(({ rowCount }) => rowCount ?? 0)),
    });
    const { result } = await work(transaction);
    if (times !== undefined) times.commitSentAt = performance.now();
    const [value, ended] = await Promise.all([result, ask('commit')]);
    // A transaction that has failed is committed with success; the word for that is another one.
    if (ended.command !== 'COMMIT') throw faultOf(new Error(`commit was a ${ended.command}`));
    client.release();
    return value;
  } catch (error) {
    const fault = reason ?? error;
    await abandon(client, fault);
    throw fault;
  }
}

/** Monotonic milliseconds: since when a connection has the plans that it keeps. */
const plannedAt = new WeakMap<pg.PoolClient, number>();

/**
 * For a table with a few rows the server reads all of it for each batch, and it would go on with that while
 * the table grows: by what it knows of the table now, one row is as far away as all.
 */
function needsPlans(client: pg.PoolClient): boolean {
  const now = performance.now();
  if (now - (plannedAt.get(client) ?? Number.NEGATIVE_INFINITY) < PLANS_MS_MAX) return false;
  plannedAt.set(client, now);
  return true;
}

/** Nobody need wait for it: what it fails with is the transaction's. */
function quietly<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}

async function abandon(client: pg.PoolClient, error: unknown): Promise<void> {
  const isLost = error instanceof DatabaseFault && error.trouble === 'lost';
  const rolledBack = isLost
    ? false
    : await send(client, 'rollback').then(
        () => true,
        () => false,
      );
  client.release(!rolledBack);
}

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw faultOf(error);
  }
}

function send(
  client: pg.PoolClient,
  sql: Statement,
  values?: readonly unknown[],
): Promise<pg.QueryResult> {
  const parameters = values && written(textOf(sql), values);
  const asked =
    typeof sql === 'string'
      ? client.query(sql, parameters)
      : client.query({ ...sql, values: parameters ?? [] });
  return asked.catch((error) => {
    throw faultOf(error);
  });
}
