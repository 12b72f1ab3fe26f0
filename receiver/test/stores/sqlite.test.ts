import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { type SqlQuery, sqlStore, sqlStoreTable } from '../../src/stores/sql.ts';
import { storeContract } from './contract.ts';

storeContract('SQLite', () => open());

describe('a table of events', () => {
  test('loses by pruning what was kept long enough, and nothing else', async () => {
    const { store, elapse } = open();
    for (let index = 0; index < 2_500; index++) await store.commit(`evt_${index}`, 'one', 60_000);
    await store.commit('evt_later', 'one', 120_000);
    assert.equal(await store.prune(), 0);
    elapse(60_000);
    assert.equal(await store.prune(), 2_500);
    assert.equal((await store.claim('evt_later', 'two', 60_000)).outcome, 'done');
  });

  test('may be made again, and have a name of its own', async () => {
    const { store } = open('orders_seen');
    assert.equal((await store.claim('evt_1', 'one', 60_000)).outcome, 'claimed');
  });

  test('has a name that is nothing but one', () => {
    for (const table of ['', 'a b', 'a;drop table b', 'a"b', 'A', '1a', 'a'.repeat(42)]) {
      assert.throws(() => sqlStoreTable(table), TypeError);
      assert.throws(() => sqlStore(async () => [], { placeholders: '?', table }), TypeError);
    }
  });
});

function open(table?: string) {
  let nowMs = 1_701_444_600_000;
  const db = new DatabaseSync(':memory:');
  const statements = sqlStoreTable(table);
  for (const statement of [...statements, ...statements]) db.exec(statement);
  const query: SqlQuery = async (text, values) => db.prepare(text).all(...values);
  const named = table === undefined ? {} : { table };
  const store = sqlStore(query, { placeholders: '?', now: () => nowMs, ...named });
  return {
    store,
    elapse(ms: number) {
      nowMs += ms;
    },
  };
}
