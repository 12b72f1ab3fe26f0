import pg from 'pg';
import { hasCitus } from './distribution.ts';
import { faultOf } from './faults.ts';
import { read } from './values.ts';

/** Connections of a store; those for batches are apart, so that no number of reads holds up a commit. */
const BATCH_CONNECTIONS = 5;
const OTHER_CONNECTIONS = 5;
/** How long a caller waits for a connection: to be made, or to be free. */
const CONNECT_MS_MAX = 5_000;
const STATEMENT_MS_MAX = 5_000;
const LOCK_WAIT_MS_MAX = 4_000;
const IDLE_IN_TRANSACTION_MS_MAX = 10_000;
/** The last net, for a server that says nothing any more: the connection is given up. */
const ANSWER_MS_MAX = STATEMENT_MS_MAX + 1_000;
const CONNECTION_IDLE_MS_MAX = 60_000;
const CLOSE_MS_MAX = 2_000;

export interface Database {
  /** For what many callers share. */
  batches: pg.Pool;
  others: pg.Pool;
  /** What a transaction begins with; one that only reads sees one moment throughout. */
  begin: { write: string; read: string };
  /** Over several servers: a transaction that has ended at one may not be seen at another yet. */
  isDistributed: boolean;
  /** Whether a connection is to one server process for all its life: a pooler would lose what was kept there. */
  keepsStatements: boolean;
  close(): Promise<void>;
}

/** Connects, and throws a `DatabaseFault` when that cannot be done. */
export async function openDatabase(url: string): Promise<Database> {
  const batches = createPool(url, BATCH_CONNECTIONS);
  const others = createPool(url, OTHER_CONNECTIONS);
  const close = () => ended(Promise.all([batches.end(), others.end()]));
  try {
    const settings = await settingsOf(others);
    const { isDistributed } = settings;
    const keepsStatements = !isDistributed && (await isDirect(others));
    return { batches, others, begin: beginOf(settings), isDistributed, keepsStatements, close };
  } catch (error) {
    await close();
    throw faultOf(error);
  }
}

/** A server that says nothing any more does not say good-bye either: it is waited for no longer. */
export async function ended(ending: Promise<unknown>): Promise<void> {
  const limit = Promise.withResolvers<void>();
  const timer = setTimeout(limit.resolve, CLOSE_MS_MAX);
  await Promise.race([ending.catch(() => {}), limit.promise]);
  clearTimeout(timer);
}

export function createPool(url: string, max: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    pipeline: true,
    types: TYPES,
    application_name: 'posthorn',
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    idleTimeoutMillis: CONNECTION_IDLE_MS_MAX,
    query_timeout: ANSWER_MS_MAX,
  } as pg.PoolConfig);
  // A connection that dies says so, whether somebody uses it or not; unheard it would end the process.
  // Who uses it is told by the statement that fails.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** Numbers of 64 bits are sequence numbers and milliseconds here: both fit a number. */
const TYPES = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === pg.types.builtins.INT8) return Number;
    if (oid === pg.types.builtins.TEXT) return read;
    return pg.types.getTypeParser(oid, format as 'text');
  },
} as pg.CustomTypesConfig;

/** What of the server's settings decides what a transaction sets for itself. */
interface ServerSettings {
  synchronousCommit: string;
  isDistributed: boolean;
}

async function settingsOf(pool: pg.Pool): Promise<ServerSettings> {
  const { rows } = await pool.query('show synchronous_commit');
  return {
    synchronousCommit: String(rows[0]?.synchronous_commit),
    isDistributed: await hasCitus(pool),
  };
}

/** A pooler greets with a number of its own instead of the server process's. */
async function isDirect(pool: pg.Pool): Promise<boolean> {
  const client = await pool.connect();
  try {
    const { rows } = await client.query('select pg_backend_pid() as pid');
    return (client as pg.PoolClient & { processID?: number }).processID === rows[0]?.pid;
  } finally {
    client.release();
  }
}

/**
 * `set local`: behind a pooler in transaction mode a session's settings would be somebody else's. A
 * server that answers before it has synced would make a lie of every 202, so that is turned on; any
 * other choice of its operator stands.
 */
function beginOf({ synchronousCommit, isDistributed }: ServerSettings): Database['begin'] {
  const limits = [
    `statement_timeout = ${STATEMENT_MS_MAX}`,
    `lock_timeout = ${LOCK_WAIT_MS_MAX}`,
    `idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS_MAX}`,
  ];
  // Every statement here is meant to find its rows by an index, however small a table looks to a planner
  // that has seen nothing of it yet: a plan that reads the whole table would be slower with every row. So
  // would a bitmap be, which reads all that fits and sorts it before a page's few rows are taken.
  const plans = ['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin'].map(
    (way) => `enable_${way} = off`,
  );
  const durable = synchronousCommit === 'off' ? ['synchronous_commit = on'] : [];
  // Of a batch for many accounts each worker gets its part on one connection: 20 ms where it was 430.
  if (isDistributed) limits.push('citus.max_adaptive_executor_pool_size = 1');
  const set = (settings: readonly string[]) => settings.map((one) => `; set local ${one}`).join('');
  return {
    write: `begin${set([...limits, ...plans, 'jit = off', ...durable])}`,
    read: `begin isolation level repeatable read read only${set([...limits, ...plans, 'jit = off'])}`,
  };
}
