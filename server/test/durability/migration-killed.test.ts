// A migration is killed before each of its statements, for real, in a process of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { openDatabase } from '../../src/store/sqlite/database.ts';
import { migrate, readMigrations } from '../../src/store/sqlite/migrate.ts';
import { temporaryDirectory } from '../system/support/server-process.ts';
import { CHANGED_TABLES, fill, LATER_MIGRATION } from './support/later-migration.ts';

const CHILD = fileURLToPath(new URL('./support/migrate-and-die.ts', import.meta.url));
/** Of children, so that the two processors are busy. */
const AT_ONCE = 4;

test('A first migration that is killed before any statement leaves nothing, and the next start completes it', async (t) => {
  const folder = temporaryDirectory(t);
  const migrations = readMigrations();
  const wanted = schemaAfter(join(folder, 'wanted.db'), migrations);
  const wholes = migrations.map(({ name }, index) =>
    schemaAfter(join(folder, `${name}.db`), migrations.slice(0, index + 1)),
  );
  const killed = await killEverywhere(t, folder, 'first', null, (file) => {
    const db = openDatabase(file);
    const found = schemaOf(db);
    const isEmpty = found.every(({ name }) => name === 'schema_migrations');
    const isWhole = wholes.some((whole) => isDeepStrictEqual(whole, found));
    assert.ok(isEmpty || isWhole, `each migration all or not at all: ${JSON.stringify(found)}`);
    migrate(db);
    assert.deepEqual(schemaOf(db), wanted);
    db.close();
  });
  t.diagnostic(`killed before each of ${killed} statements`);
  assert.ok(killed > 15);
});

test('A file of the first version, killed anywhere on its way to this one, keeps every row', async (t) => {
  const folder = temporaryDirectory(t);
  const filled = join(folder, 'filled.db');
  const db = openDatabase(filled);
  migrate(db, readMigrations().slice(0, 1));
  fill(db);
  const rows = rowsOf(db);
  db.close();
  const wanted = schemaAfter(join(folder, 'wanted.db'), readMigrations());
  const killed = await killEverywhere(t, folder, 'upgrade', filled, (file) => {
    const db = openDatabase(file);
    assert.deepEqual(rowsOf(db), rows);
    migrate(db);
    assert.deepEqual(schemaOf(db), wanted);
    assert.deepEqual(rowsOf(db), rows);
    assert.equal(db.prepare('pragma quick_check').get()?.quick_check, 'ok');
    db.close();
  });
  t.diagnostic(`killed before each of ${killed} statements`);
  assert.ok(killed > 20);
});

test('A later migration that is killed before any statement leaves the old or the new schema, and every row', async (t) => {
  const folder = temporaryDirectory(t);
  const filled = join(folder, 'filled.db');
  const db = openDatabase(filled);
  migrate(db);
  fill(db);
  const rows = rowsOf(db);
  const old = schemaOf(db);
  db.close();
  const wanted = schemaAfter(join(folder, 'wanted.db'), [...readMigrations(), LATER_MIGRATION]);
  assert.notDeepEqual(old, wanted);

  const killed = await killEverywhere(t, folder, 'later', filled, (file) => {
    const db = openDatabase(file);
    const found = schemaOf(db);
    const isNew = found.length !== old.length;
    assert.deepEqual(found, isNew ? wanted : old, 'all or nothing');
    assert.deepEqual(rowsOf(db), rows);
    const ran = migrate(db, [...readMigrations(), LATER_MIGRATION]);
    assert.deepEqual(ran, isNew ? [] : [LATER_MIGRATION.name]);
    assert.deepEqual(schemaOf(db), wanted);
    assert.deepEqual(rowsOf(db), rows);
    assert.equal(db.prepare('pragma quick_check').get()?.quick_check, 'ok');
    db.close();
  });
  t.diagnostic(`killed before each of ${killed} statements`);
  assert.ok(killed > 6);
});

test('Starting again on a filled database migrates nothing and changes nothing', (t) => {
  const db = openDatabase(join(temporaryDirectory(t), 'filled.db'));
  migrate(db);
  fill(db);
  const before = [schemaOf(db), rowsOf(db)];
  assert.deepEqual(migrate(db), []);
  assert.deepEqual([schemaOf(db), rowsOf(db)], before);
  db.close();
});

/** Kills before statement 0, 1, … until the child comes to its end; answers how many there were. */
async function killEverywhere(
  t: TestContext,
  folder: string,
  which: 'first' | 'upgrade' | 'later',
  from: string | null,
  check: (file: string) => void,
): Promise<number> {
  for (let statement = 0; ; statement += AT_ONCE) {
    const statements = Array.from({ length: AT_ONCE }, (_, index) => statement + index);
    const endings = await Promise.all(
      statements.map(async (at) => {
        const file = join(folder, `${which}-${at}.db`);
        if (from !== null) copyFileSync(from, file);
        const child = spawn(process.execPath, [CHILD, which, file, String(at)], {
          stdio: ['ignore', 'ignore', 'inherit'],
        });
        const [code, signal] = await once(child, 'exit');
        return { at, file, code, signal };
      }),
    );
    for (const { at, file, code, signal } of endings) {
      check(file);
      if (signal === 'SIGKILL') continue;
      assert.equal(code, 0, `${t.name}: statement ${at}`);
      return at;
    }
  }
}

function schemaAfter(file: string, migrations: ReturnType<typeof readMigrations>) {
  const db = openDatabase(file);
  migrate(db, migrations);
  const schema = schemaOf(db);
  db.close();
  return schema;
}

function schemaOf(db: DatabaseSync) {
  return db
    .prepare('select type, name, sql from sqlite_schema order by type, name')
    .all()
    .map(({ type, name, sql }) => ({ type, name, sql: String(sql).trimEnd() }));
}

function rowsOf(db: DatabaseSync): Record<string, number> {
  const counts = CHANGED_TABLES.map((table) => [
    table,
    Number(db.prepare(`select count(*) as n from ${table}`).get()?.n),
  ]);
  return Object.fromEntries(counts);
}
