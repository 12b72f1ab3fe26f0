import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openDatabase, waitShortly } from '../../src/store/sqlite/database.ts';
import { temporaryFolder } from './support/stores.ts';

const WANTED: [pragma: string, column: string, value: unknown][] = [
  ['journal_mode', 'journal_mode', 'wal'],
  ['synchronous', 'synchronous', 2],
  ['page_size', 'page_size', 8_192],
  ['journal_size_limit', 'journal_size_limit', 64 * 1024 * 1024],
];

for (const [pragma, column, value] of WANTED) {
  test(`a data file is opened with ${pragma} = ${value}`, (t) => {
    const db = openFile(t);
    assert.deepEqual({ ...db.prepare(`pragma ${pragma}`).get() }, { [column]: value });
  });
}

test("another program's lock is waited for while a data file is opened, and shortly afterwards", (t) => {
  const db = openFile(t);
  const timeout = () => db.prepare('pragma busy_timeout').get()?.timeout;
  assert.equal(timeout(), 5_000);
  waitShortly(db);
  assert.equal(timeout(), 50);
});

test('what is in memory needs no journal file', (t) => {
  const db = openDatabase(':memory:');
  t.after(() => db.close());
  const row = db.prepare('pragma journal_mode').get();
  assert.equal(row?.journal_mode, 'memory');
});

test('a place where SQLite cannot keep a write-ahead log is refused, with what to do', () => {
  // An empty name is a temporary file of SQLite's own: it says yes to WAL and does without.
  assert.throws(() => openDatabase(''), {
    message: /"pragma journal_mode": it is delete and must be wal\. .*local disk/,
  });
});

function openFile(t: TestContext) {
  const folder = temporaryFolder();
  const db = openDatabase(join(folder.path, 'test.db'));
  t.after(() => {
    db.close();
    folder.remove();
  });
  return db;
}
