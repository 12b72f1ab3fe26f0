import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLocalStore } from '../../src/store/sqlite/local-store.ts';
import { placesOf } from '../simulation/planted-bugs.ts';
import { Comparison, type OpenForComparison, openPostgresAlone } from './model/comparison.ts';
import { Difference } from './model/difference.ts';
import { NOT_MODELLED } from './model/model.ts';
import { type Operation, operations } from './model/operations.ts';
import { plantedBugs, shortestThatFinds } from './model/planted-bugs.ts';

// `TEST_SEED` runs the same sequences again, with `TEST_PATH` only the shortest one that failed;
// `MODEL_RUNS` multiplies how many there are.
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const path = process.env.TEST_PATH;
const times = Number(process.env.MODEL_RUNS ?? 1);
const OPERATIONS_MAX = 80;
/** What is the shortest by then is shown. */
const SHRINK_MS_MAX = 60_000;

const SETTINGS: { names: string; runs: number; stores: readonly OpenForComparison[] }[] = [
  { names: 'SQLite and the model', runs: 120, stores: [openSqlite] },
  { names: 'SQLite, PostgreSQL and the model', runs: 12, stores: [openSqlite, openPostgresAlone] },
];

for (const { names, runs, stores } of SETTINGS) {
  test(`${names} answer random sequences of operations alike`, async (t) => {
    t.diagnostic(`TEST_SEED=${seed}`);
    const comparisons = await Promise.all(stores.map((open) => new Comparison().open(open)));
    t.after(() => Promise.all(comparisons.map((one) => one.close())));
    const property = fc.asyncProperty(operations(OPERATIONS_MAX), async (sequence) => {
      for (const comparison of comparisons) await comparison.run(sequence);
    });
    const found = await fc.check<[Operation[]]>(property, {
      seed,
      numRuns: runs * times,
      ...(path === undefined ? {} : { path, endOnFailure: true }),
      plugins: [fc.interruptAfterTimeLimit(SHRINK_MS_MAX * times)],
    });
    assert.ok(!found.failed, reportOf(found));
    assert.equal(found.numRuns, path === undefined ? runs * times : found.numRuns);
  });
}

test('The model answers every call of the port but those that are about the process', () => {
  const others = ['createAccount', 'beginRun', 'endRun', 'vaultCheck', 'check'];
  assert.deepEqual(NOT_MODELLED.toSorted(), others.toSorted());
});

test('A planted bug is found, and the sequence that finds it is a few operations', async () => {
  const [bug] = plantedBugs;
  assert.ok(bug);
  const shortest = await shortestThatFinds(bug, { seed: 1 });
  assert.ok(shortest !== null && shortest.length > 1 && shortest.length <= 6, String(shortest));
});

test('Every bug that can be planted has its one place in the source', () => {
  const lost = plantedBugs.filter(
    ({ file, ...bug }) => placesOf({ ...bug, file: `store/${file}` }) !== 1,
  );
  assert.deepEqual(
    lost.map(({ name }) => name),
    [],
  );
});

function reportOf({
  counterexample,
  counterexamplePath,
  errorInstance,
  numShrinks,
}: fc.RunDetails<[Operation[]]>): string {
  const made = errorInstance instanceof Difference ? errorInstance.operations : undefined;
  const shortest = counterexample?.[0].slice(0, made) ?? [];
  return [
    `TEST_SEED=${seed} TEST_PATH=${counterexamplePath} runs it again; shortened ${numShrinks} times, to`,
    ...shortest.map((operation) => `  ${JSON.stringify(operation)}`),
    String(errorInstance),
  ].join('\n');
}

async function openSqlite(ports: Parameters<OpenForComparison>[0]) {
  const store = createLocalStore(':memory:', ports);
  return { store, close: () => store.close() };
}
