import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placesOf, plantedBugs, seedsUntilFound } from './planted-bugs.ts';
import { runSeeds, summaryOf } from './seeds.ts';

const SEEDS = 300;
const NODES_SEEDS = 200;
/** More than any of these took, several times over. */
const SEEDS_TO_FIND = 400;
const SHOWN = [
  'a late outcome revives what was cancelled',
  'a hold is not heeded',
  'the schedule is off by one',
  'a strict lane does not wait for the settlement',
  'a refill forgets that there is more',
  'the lease is not looked at',
  'a settlement is not fenced',
  'a publish goes by belief, and leaves nothing for the owner of a shard that was lost',
  'a change at another node is acknowledged at once',
  'a lease is measured by the wall clock',
  'a rate limit forgets what was sent before its shard changed hands',
];

test(`${SEEDS} seeds of a world with faults: nothing is lost, early, out of order or under an old state`, async (t) => {
  const from = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  const run = await runSeeds({ from, count: SEEDS });
  t.diagnostic(summaryOf(run));
  assert.deepEqual(run.failures, []);
});

test(`${NODES_SEEDS} seeds of several nodes over one database: nothing is lost, out of order, or sent by two of them`, async (t) => {
  const from = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  const run = await runSeeds({ world: 'nodes', from, count: NODES_SEEDS });
  t.diagnostic(summaryOf(run));
  assert.deepEqual(run.failures, []);
});

test('Every bug that can be planted has its one place in the source', () => {
  const lost = plantedBugs.filter((bug) => placesOf(bug) !== 1).map(({ name }) => name);
  assert.deepEqual(lost, []);
});

for (const name of SHOWN) {
  test(`A planted bug is found: ${name}`, async (t) => {
    const bug = plantedBugs.find((one) => one.name === name);
    assert.ok(bug);
    const seeds = await seedsUntilFound(bug, { from: 1, seeds: SEEDS_TO_FIND });
    t.diagnostic(`after ${seeds} seeds`);
    assert.notEqual(seeds, null);
  });
}
