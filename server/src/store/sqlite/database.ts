import { DatabaseSync } from 'node:sqlite';

/** How long a statement waits for another program's lock before it fails; it blocks the store thread. */
const BUSY_TIMEOUT_MS = 1_000;
const JOURNAL_SIZE_LIMIT_BYTES = 64 * 1024 * 1024;

/**
 * Opens the file (or `:memory:`) with what durability needs, and reads it back: SQLite refuses some
 * settings without an error, on file systems that cannot share memory for example.
 */
export function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  db.exec(`
    pragma journal_mode = wal;
    pragma synchronous = full;
    pragma journal_size_limit = ${JOURNAL_SIZE_LIMIT_BYTES};
    pragma cache_size = -65536;
    pragma temp_store = memory;
  `);
  const journal = path === ':memory:' ? 'memory' : 'wal';
  expectPragma(db, 'journal_mode', journal);
  expectPragma(db, 'synchronous', FULL);
  expectPragma(db, 'busy_timeout', BUSY_TIMEOUT_MS, 'timeout');
  return db;
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
