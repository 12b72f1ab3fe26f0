import pg from 'pg';
import { ConstraintError, type Database, type Dialect, type Sql, UnavailableError } from './sql.ts';

const CONNECTIONS_MAX = 10;
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 10_000;

const dialect: Dialect = {
  counter: 'bigint generated always as identity primary key',
  rowLock: 'for update',
};

export function openPostgres(url: string): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
  });
  // A connection that is lost while nothing is asked of it: whoever has it hears of it at the next
  // statement, and the pool makes another when one is needed. Unheard, these would end the process.
  pool.on('error', () => {});
  pool.on('connect', (connection) => connection.on('error', () => {}));

  return {
    dialect,
    async query(text, ...values) {
      const connection = await connect(pool);
      try {
        return await sqlOf(connection).query(text, ...values);
      } finally {
        connection.release();
      }
    },
    async transaction(work) {
      const connection = await connect(pool);
      try {
        await connection.query('begin');
        const result = await work(sqlOf(connection));
        await commit(connection);
        connection.release();
        return result;
      } catch (error) {
        await undo(connection);
        throw error;
      }
    },
    close: () => pool.end(),
  };
}

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw new UnavailableError(error);
  }
}

function sqlOf(connection: pg.PoolClient): Sql {
  return {
    dialect,
    async query(text, ...values) {
      try {
        return (await connection.query(text, values)).rows;
      } catch (error) {
        throw knownError(error);
      }
    },
  };
}

async function commit(connection: pg.PoolClient): Promise<void> {
  const { command } = await connection.query('commit');
  // That is how PostgreSQL answers when a statement before had failed: without an error.
  if (command !== 'COMMIT') throw new Error(`The transaction ended with ${command}.`);
}

/** A connection that cannot even undo is given up; the server undoes what it had begun. */
async function undo(connection: pg.PoolClient): Promise<void> {
  try {
    await connection.query('rollback');
    connection.release();
  } catch {
    connection.release(true);
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const CONSTRAINTS: Readonly<Record<string, ConstraintError['constraint']>> = {
  '23001': 'reference',
  '23503': 'reference',
  '23505': 'unique',
};

function knownError(error: unknown): unknown {
  const constraint = CONSTRAINTS[(error as { code?: string }).code ?? ''];
  return constraint === undefined ? error : new ConstraintError(constraint, error);
}
