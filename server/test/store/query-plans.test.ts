// SQLite chooses an index by the shape of a statement, and by nothing that is in the tables: so its
// choice can be read from the statements alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../src/store/sqlite/database.ts';
import { migrate } from '../../src/store/sqlite/migrate.ts';
import { createOperations } from '../../src/store/sqlite/operations.ts';

const STEPS = plansOfAllStatements();

test('no statement reads a whole table, apart from the two of the installation', () => {
  const scans = STEPS.filter(({ step }) => /^SCAN \w+/.test(step)).map(({ step }) => step);
  const small = ['SCAN CONSTANT ROW', 'SCAN event_types', 'SCAN vault_check'];
  // What a statement put together itself, and an index that has what is running alone.
  const own = [
    'SCAN looked_at',
    'SCAN tried',
    'SCAN newest',
    'SCAN recoveries USING COVERING INDEX recoveries_running',
    'SCAN webhooks USING INDEX webhooks_rate_limited',
  ];
  assert.deepEqual(
    scans.filter((step) => ![...small, ...own].includes(step)),
    [],
  );
});

test('deliveries are found by whatever names them, never by their account alone', () => {
  const steps = STEPS.filter(({ step }) => /^SEARCH (deliveries|d) /.test(step));
  // An event's own id says which ids are asked for beside those in `deliveries_later`.
  const byAccountAlone = steps.filter(({ sql, step }) => {
    const isOfMoment =
      /deliveries_later/.test(sql) && /\(account_id=\? AND id>\? AND id<\?\)$/.test(step);
    const isNamed = /webhook_id = |event_id = /.test(sql);
    return /\(account_id=\?( AND id[<>]\?)*\)$/.test(step) && isNamed && !isOfMoment;
  });
  assert.ok(steps.length > 20);
  assert.deepEqual(byAccountAlone, []);
});

const PENDING: [what: string, condition: RegExp, indexes: RegExp, statements: number][] = [
  ['never tried', /attempt_count = 0/, /deliveries_fresh/, 6],
  ['to be tried again', /attempt_count > 0/, /deliveries_retry/, 8],
];
for (const [what, condition, index, count] of PENDING) {
  test(`what is ${what} is found by the index that has nothing else`, () => {
    const statements = Map.groupBy(
      STEPS.filter(({ sql }) => condition.test(sql)),
      ({ sql }) => sql,
    );
    assert.ok(statements.size >= count, `${statements.size} statements`);
    for (const [sql, steps] of statements) {
      assert.ok(
        steps.some(({ step }) => index.test(step)),
        sql,
      );
    }
  });
}

const PAGES: [page: string, condition: RegExp, step: RegExp][] = [
  ['never tried', /attempt_count = 0\s+order by seq\s+limit/, /deliveries_fresh/],
  ['due again', /due_at <= \?\s+order by due_at, seq\s+limit/, /deliveries_retry .*due_at</],
  ['in strict order', /attempt_count > 0\s+order by seq\s+limit/, /deliveries_retry_by_seq/],
];
for (const [page, condition, wanted] of PAGES) {
  test(`a page of what is ${page} is read in its order, without a sort`, () => {
    const steps = STEPS.filter(({ sql }) => condition.test(sql));
    assert.ok(steps.length > 0);
    for (const { step } of steps) assert.match(step, wanted);
  });
}

/** Every step of every statement that the store prepares. */
function plansOfAllStatements(): { sql: string; step: string }[] {
  const db = openDatabase(':memory:');
  migrate(db);
  const prepare = db.prepare.bind(db);
  const statements: string[] = [];
  db.prepare = (sql) => {
    statements.push(sql);
    return prepare(sql);
  };
  createOperations(db, { newId: () => '', madePending: () => {}, madeEvent: () => {} });
  const steps = statements.flatMap((sql) =>
    prepare(`explain query plan ${sql}`)
      .all()
      .map(({ detail }) => ({ sql, step: String(detail) })),
  );
  db.close();
  return steps;
}
