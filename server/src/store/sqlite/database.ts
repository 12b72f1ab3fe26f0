import { DatabaseSync } from 'node:sqlite';

/**
 * How long a statement waits for another program's lock before it fails; it blocks the thread. While
 * the store is opened nobody is served yet; afterwards the wait is short, and `queue.ts` tries again.
 */
const OPENING_BUSY_TIMEOUT_MS = 5_000;
const SERVING_BUSY_TIMEOUT_MS = 50;
const JOURNAL_SIZE_LIMIT_BYTES = 64 * 1024 * 1024;

/** Pages that are kept in memory; the system keeps those of the file beside them. */
const CACHE_KIB = 16_384;

/** For new files. Fewer, larger pages: a commit writes each page that it touched with calls of its own. */
const PAGE_BYTES = 8_192;

/**
 * Opens the file (or `:memory:`) with what durability needs, and reads it back: SQLite refuses some
 * settings without an error, on file systems that cannot share memory for example.
 */
export function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: OPENING_BUSY_TIMEOUT_MS });
  db.exec(`
    pragma page_size = ${PAGE_BYTES};
    pragma journal_mode = wal;
    pragma synchronous = full;
    pragma journal_size_limit = ${JOURNAL_SIZE_LIMIT_BYTES};
    pragma cache_size = -${CACHE_KIB};
    pragma temp_store = memory;
  `);
  const journal = path === ':memory:' ? 'memory' : 'wal';
  expectPragma(db, 'journal_mode', journal);
  expectPragma(db, 'synchronous', FULL);
  expectPragma(db, 'busy_timeout', OPENING_BUSY_TIMEOUT_MS, 'timeout');
  return db;
}

/** From here on a lock of another program is waited for in short tries. */
export function waitShortly(db: DatabaseSync): void {
  db.exec(`pragma busy_timeout = ${SERVING_BUSY_TIMEOUT_MS}`);
}

/**
 * A second connection, which only reads, for the main thread: to be closed before the store is. When a
 * process ends by `process.exit`, Node closes the connections of its other threads, and the last one
 * to close a file copies the log into it and deletes the log. After a failed sync that would copy
 * pages out of a cache that nobody can trust any more. While this one is open, the log stays as it is
 * for the next start to read; it is itself never closed by an exit.
 */
export function guardLog(path: string): DatabaseSync {
  const guard = new DatabaseSync(path, { readOnly: true, timeout: OPENING_BUSY_TIMEOUT_MS });
  // The first read takes the lock that says "somebody else is here"; it is kept until the close.
  guard.prepare('select count(*) from sqlite_schema').get();
  return guard;
}

/** `pragma synchronous` answers with numbers; 2 is FULL. */
const FULL = 2;

function expectPragma(db: DatabaseSync, name: string, wanted: unknown, column = name): void {
  const row = db.prepare(`pragma ${name}`).get();
  if (row?.[column] !== wanted) {
    throw new Error(
      `SQLite did not accept "pragma ${name}": it is ${row?.[column]} and must be ${wanted}. ` +
        'Is the data directory on a network file system? Put it on a local disk.',
    );
  }
}
