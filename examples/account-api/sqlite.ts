import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ConstraintError, type Database, type Dialect, type Sql, UnavailableError } from './sql.ts';

const LOCK_TIMEOUT_MS = 5_000;
const WAITING_MAX = 1_000;

const dialect: Dialect = {
  counter: 'integer primary key autoincrement',
  // A transaction that writes is the only one there is.
  rowLock: '',
};

/** One file, one connection: whoever wants it waits for the one before. */
export function openSqlite(path: string): Database {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
  const db = new DatabaseSync(path, { timeout: LOCK_TIMEOUT_MS });
  db.exec('pragma journal_mode = wal; pragma synchronous = full');
  const inTurn = createTurns();

  const sql: Sql = {
    dialect,
    async query<Row extends object>(text: string, ...values: (string | number | null)[]) {
      const named = Object.fromEntries(values.map((value, index) => [`$${index + 1}`, value]));
      try {
        return db.prepare(text).all(named) as Row[];
      } catch (error) {
        throw knownError(error);
      }
    },
  };

  return {
    dialect,
    query: (text, ...values) => inTurn(() => sql.query(text, ...values)),
    transaction: (work) =>
      inTurn(async () => {
        db.exec('begin immediate');
        try {
          const result = await work(sql);
          db.exec('commit');
          return result;
        } catch (error) {
          // Some errors, such as a full disk, have ended the transaction already.
          if (db.isTransaction) db.exec('rollback');
          throw error;
        }
      }),
    close: () => inTurn(async () => db.close()),
  };
}

/** One after the other, in the order in which they came. */
function createTurns() {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (waiting >= WAITING_MAX) throw new UnavailableError();
    waiting += 1;
    const turn = last.then(work);
    // The next one's turn comes whether or not this one fails; its caller hears of the failure.
    last = turn
      .catch(() => {})
      .finally(() => {
        waiting -= 1;
      });
    return await turn;
  };
}

/** https://sqlite.org/rescode.html */
const CONSTRAINTS: Readonly<Record<number, ConstraintError['constraint']>> = {
  787: 'reference',
  1555: 'unique',
  1811: 'reference',
  2067: 'unique',
};

function knownError(error: unknown): unknown {
  const constraint = CONSTRAINTS[(error as { errcode?: number }).errcode ?? 0];
  return constraint === undefined ? error : new ConstraintError(constraint, error);
}
