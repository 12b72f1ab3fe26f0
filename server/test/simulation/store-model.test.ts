import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareStore } from './store-model.ts';

const RUNS = 200;
const CALLS = 100;

test(`The store answers ${RUNS} times ${CALLS} random calls as its model in plain maps does`, (t) => {
  const from = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`TEST_SEED=${from}`);
  for (let seed = from; seed < from + RUNS; seed++) {
    assert.deepEqual(compareStore(seed, CALLS), [], `seed ${seed}`);
  }
});
