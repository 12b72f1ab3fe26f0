import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { openDatabase } from '../../src/store/sqlite/database.ts';
import { migrate } from '../../src/store/sqlite/migrate.ts';

const FIRST = migration(1, 'create table first (id integer) strict');
const SECOND = migration(2, 'create table second (id integer) strict');
const FAILING = migration(
  2,
  'create table half (id integer) strict; insert into nowhere values (1)',
);

test('each migration runs once', (t) => {
  const db = openEmpty(t);
  assert.deepEqual(migrate(db, [FIRST]), ['0001-test']);
  assert.deepEqual(migrate(db, [FIRST]), []);
  assert.deepEqual(migrate(db, [FIRST, SECOND]), ['0002-test']);
  assert.deepEqual(migrate(db, [FIRST, SECOND]), []);
  assert.deepEqual(tablesOf(db), ['first', 'schema_migrations', 'second']);
});

test("the store's own migrations are numbered without a gap, and run once", (t) => {
  const db = openEmpty(t);
  const names = migrate(db);
  const numbers = names.map((name) => Number(name.slice(0, 4)));
  assert.ok(numbers.length > 0);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
  );
  assert.deepEqual(migrate(db), []);
});

test('data of a newer program is refused, and stays as it is', (t) => {
  const db = openEmpty(t);
  migrate(db, [FIRST, SECOND]);
  assert.throws(() => migrate(db, [FIRST]), /newer Posthorn \(migration 0002-test\)/);
  assert.deepEqual(tablesOf(db), ['first', 'schema_migrations', 'second']);
});

test('data that was made with another text of a migration is refused before anything runs', (t) => {
  const db = openEmpty(t);
  migrate(db, [FIRST]);
  const changed = { ...FIRST, checksum: 'another' };
  assert.throws(() => migrate(db, [changed, SECOND]), /0001-test is not the one/);
  assert.deepEqual(tablesOf(db), ['first', 'schema_migrations']);
});

test('a migration that fails leaves the schema as it was, and can be repeated', (t) => {
  const db = openEmpty(t);
  assert.throws(
    () => migrate(db, [FIRST, FAILING]),
    (error: Error) => {
      assert.match(error.message, /0002-test failed, the schema is as it was before: .*nowhere/);
      return true;
    },
  );
  assert.equal(db.isTransaction, false);
  assert.deepEqual(tablesOf(db), ['first', 'schema_migrations']);
  assert.deepEqual(migrate(db, [FIRST, SECOND]), ['0002-test']);
});

function migration(number: number, sql: string) {
  return { number, name: `000${number}-test`, sql, checksum: `checksum of ${number}` };
}

function openEmpty(t: TestContext): DatabaseSync {
  const db = openDatabase(':memory:');
  t.after(() => db.close());
  return db;
}

function tablesOf(db: DatabaseSync): string[] {
  return db
    .prepare(`select name from sqlite_schema where type = 'table' order by name`)
    .all()
    .map(({ name }) => String(name));
}
