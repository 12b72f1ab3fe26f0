import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deliveryThreads } from '../../src/platform/cores.ts';

test('the API and the store have a core each, and each other core has a thread that delivers', () => {
  const expected = [
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 2],
    [8, 6],
    [64, 8],
  ] as const;
  for (const [cores, threads] of expected) assert.equal(deliveryThreads(cores), threads);
  assert.ok(deliveryThreads() >= 1);
});
