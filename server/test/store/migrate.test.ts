import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { DEFAULT_WEBHOOK_SETTINGS } from '../../src/core/model.ts';
import { openDatabase } from '../../src/store/sqlite/database.ts';
import { migrate, readMigrations } from '../../src/store/sqlite/migrate.ts';
import { createOperations } from '../../src/store/sqlite/operations.ts';
import { bareType } from './contract/fixtures.ts';

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

test('data of the first version keeps every row, and what was pending is due as before', (t) => {
  const db = openEmpty(t);
  const migrations = readMigrations();
  migrate(db, migrations.slice(0, 1));
  db.exec(`
    insert into event_types (name, description)
    values ('invoice.paid', 'An invoice was paid');

    insert into webhooks (account_id, id, url, events, description, status, secret_sealed,
      secret_hint, created_at, updated_at)
    values ('default', 'w', 'https://example.com/', '["*"]', '', 'active', 'sealed', 'hint', 1, 1);

    insert into events (account_id, id, type, created_at, body)
    values ('default', 'e', 'user.created', 1, '{}');

    insert into deliveries (account_id, id, webhook_id, event_id, event_type, "trigger", status,
      created_at, due_at, attempt_count, attempt_id, attempt_started_at, attempt_failure)
    values
      ('default', 'fresh', 'w', 'e', 'user.created', 'schedule', 'pending', 1, 1, 0, null, null, null),
      ('default', 'retry', 'w', 'e', 'user.created', 'schedule', 'pending', 1, 50, 2, 'b', 2, 'timeout'),
      ('default', 'ended', 'w', 'e', 'user.created', 'schedule', 'failed', 1, null, 1, 'c', 3, 'timeout');

    insert into attempts (account_id, delivery_id, id, number, started_at, failure)
    values ('default', 'retry', 'a', 1, 1, 'timeout');
  `);
  assert.deepEqual(
    migrate(db),
    migrations.slice(1).map(({ name }) => name),
  );
  const ports = { newId: () => '', madePending: () => {}, madeEvent: () => {} };
  const store = createOperations(db, ports);
  const type = bareType('invoice.paid', 'An invoice was paid');
  assert.deepEqual(store.getEventType(type.name), type);
  const ref = { accountId: 'acc_default', webhookId: 'wh_w' };
  const webhook = store.getWebhook(ref.accountId, ref.webhookId);
  assert.deepEqual(
    [webhook?.settings, webhook?.rotation, webhook?.heldUntil],
    [DEFAULT_WEBHOOK_SETTINGS, null, null],
  );
  const items = [{ ...ref, dueAt: 0, count: 2 }];
  assert.deepEqual(store.webhooksWithPending({ after: null, limit: 10, counts: true }), {
    items,
    next: null,
  });
  const request = { ...ref, limit: 10, bytesMax: 100, except: [] };
  for (const ordering of ['none', 'strict'] as const) {
    const { deliveries } = store.due({ ...request, ordering, dueBefore: 50 });
    assert.deepEqual(
      deliveries.map(({ id }) => id),
      ['del_fresh', 'del_retry'],
    );
  }
  const retry = store.getDelivery(ref.accountId, 'del_retry');
  assert.deepEqual(
    retry?.attempts.map(({ id, note }) => [id, note]),
    [
      ['att_a', null],
      ['att_b', null],
    ],
  );
  assert.equal(store.getDelivery(ref.accountId, 'del_ended')?.delivery.status, 'failed');
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
