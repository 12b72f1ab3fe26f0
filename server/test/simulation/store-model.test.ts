import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { SHARDS } from '../../src/core/shards.ts';
import { openPostgresStore } from '../../src/store/postgres/store.ts';
import { migratedDatabase } from '../support/postgres.ts';
import { compareStore, type OpenForComparison, openSqlite } from './store-model.ts';

const CALLS = 100;

const STORES: { name: string; runs: number; open: OpenForComparison }[] = [
  { name: 'SQLite', runs: 200, open: openSqlite },
  { name: 'PostgreSQL', runs: Number(process.env.POSTGRES_RUNS ?? 15), open: openInDatabase },
];

// The same seeds: what each answers as the model does, both answer alike.
const from = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
for (const { name, runs, open } of STORES) {
  test(`${name} answers ${runs} times ${CALLS} random calls as its model in plain maps does`, async (t) => {
    t.diagnostic(`TEST_SEED=${from}`);
    for (let seed = from; seed < from + runs; seed++) {
      assert.deepEqual(await compareStore(open, { seed, calls: CALLS }), [], `seed ${seed}`);
    }
  });
}

async function openInDatabase(ports: Parameters<OpenForComparison>[0]) {
  const { url, drop } = await migratedDatabase();
  const owned = new Map<number, number>();
  const { store, ownership } = await openPostgresStore(url, { ...ports, owned, listen: null });
  const nodeId = randomBytes(8).toString('hex');
  await ownership.renew({ id: nodeId, leaseMs: 600_000 });
  for (const { shard, epoch } of await ownership.take(nodeId, SHARDS)) owned.set(shard, epoch);
  return {
    store,
    async close() {
      await store.close();
      await drop();
    },
  };
}
