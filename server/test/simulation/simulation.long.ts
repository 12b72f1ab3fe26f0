import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plantedBugs, seedsUntilFound } from './planted-bugs.ts';
import { runSeeds, summaryOf } from './seeds.ts';

/** In parts, so that each is well below the limit of one test. */
const PARTS = 20;
const NODES_PARTS = 8;
const SEEDS_OF_PART = 1_000;
const SEEDS_TO_FIND = 1_500;

const from = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 30));

for (let part = 0; part < PARTS; part++) {
  test(`${SEEDS_OF_PART} seeds of a world with faults, part ${part + 1} of ${PARTS}`, async (t) => {
    const run = await runSeeds({ from: from + part * SEEDS_OF_PART, count: SEEDS_OF_PART });
    t.diagnostic(summaryOf(run));
    assert.deepEqual(run.failures, []);
  });
}

for (let part = 0; part < NODES_PARTS; part++) {
  test(`${SEEDS_OF_PART} seeds of several nodes, part ${part + 1} of ${NODES_PARTS}`, async (t) => {
    const first = from + part * SEEDS_OF_PART;
    const run = await runSeeds({ world: 'nodes', from: first, count: SEEDS_OF_PART });
    t.diagnostic(summaryOf(run));
    assert.deepEqual(run.failures, []);
  });
}

for (const bug of plantedBugs) {
  test(`A planted bug is found: ${bug.name}`, async (t) => {
    const seeds = await seedsUntilFound(bug, { from: 1, seeds: SEEDS_TO_FIND });
    t.diagnostic(`after ${seeds} seeds`);
    assert.notEqual(seeds, null);
  });
}
