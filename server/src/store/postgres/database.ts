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
  begin: Beginnings;
  /** Over several servers: a transaction that has ended at one may not be seen at another yet. */
  isDistributed: boolean;
  /** Whether a connection is to one server process for all its life: a pooler would lose what was kept there. */
  keepsStatements: boolean;
  close(): Promise<void>;
}

/** What a transaction begins with; one that only reads sees one moment throughout. */
export interface Beginnings {
  write: string;
  read: string;
}

/**
 * Connects, and throws a `DatabaseFault` when that cannot be done.
 *
 * Connections that are ours alone have their settings from the beginning. Behind a pooler in transaction
 * mode they would be somebody else's next: there each transaction sets them for itself.
 */
export async function openDatabase(url: string): Promise<Database> {
  const server = await serverAt(url);
  const { isDistributed, isDirect } = server;
  const keepsStatements = isDirect && !isDistributed;
  const settings = settingsFor(server);
  const own = isDirect ? settings : [];
  // Else the server goes on planning what is kept for each call, where it takes a few values for cheaper
  // than many.
  const plans = keepsStatements ? ['plan_cache_mode = force_generic_plan'] : [];
  const batches = createPool(url, BATCH_CONNECTIONS, [...own, ...plans]);
  const others = createPool(url, OTHER_CONNECTIONS, own);
  return {
    batches,
    others,
    begin: beginWith(isDirect ? [] : settings),
    isDistributed,
    keepsStatements,
    close: () => ended(Promise.all([batches.end(), others.end()])),
  };
}

/** A server that says nothing any more does not say good-bye either: it is waited for no longer. */
export async function ended(ending: Promise<unknown>): Promise<void> {
  const limit = Promise.withResolvers<void>();
  const timer = setTimeout(limit.resolve, CLOSE_MS_MAX);
  await Promise.race([ending.catch(() => {}), limit.promise]);
  clearTimeout(timer);
}

export function createPool(url: string, max: number, settings: readonly string[] = []): pg.Pool {
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
    onConnect:
      settings.length === 0
        ? undefined
        : (client) => client.query(settings.map((one) => `set ${one}`).join('; ')),
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

/** What is at the other end decides how it is spoken to. */
interface Server {
  synchronousCommit: string;
  isDistributed: boolean;
  /** No pooler is between: that greets with a number of its own instead of the server process's. */
  isDirect: boolean;
}

async function serverAt(url: string): Promise<Server> {
  const pool = createPool(url, 1);
  try {
    const client = (await pool.connect()) as pg.PoolClient & { processID?: number };
    try {
      const { rows } = await client.query(
        `select current_setting('synchronous_commit') as synchronous_commit, pg_backend_pid() as pid`,
      );
      return {
        synchronousCommit: rows[0]?.synchronous_commit,
        isDistributed: await hasCitus(client),
        isDirect: client.processID === rows[0]?.pid,
      };
    } finally {
      client.release();
    }
  } catch (error) {
    throw faultOf(error);
  } finally {
    await ended(pool.end());
  }
}

/**
 * A server that answers before it has synced would make a lie of every 202, so that is turned on; any
 * other choice of its operator stands.
 */
function settingsFor({ synchronousCommit, isDistributed }: Server): string[] {
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
  return [...limits, ...plans, 'jit = off', ...durable];
}

function beginWith(settings: readonly string[]): Beginnings {
  const local = settings.map((one) => `set local ${one}`);
  return {
    write: ['begin', ...local].join('; '),
    read: ['begin isolation level repeatable read read only', ...local].join('; '),
  };
}
