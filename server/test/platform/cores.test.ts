import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deliveryThreads, processCount } from '../../src/platform/cores.ts';

/** Cores of a machine, and what they are used for. */
const EXPECTED = [
  { cores: 1, processes: 1, threads: 1 },
  { cores: 2, processes: 1, threads: 1 },
  { cores: 3, processes: 1, threads: 1 },
  { cores: 4, processes: 1, threads: 2 },
  { cores: 7, processes: 1, threads: 5 },
  { cores: 8, processes: 2, threads: 2 },
  { cores: 11, processes: 2, threads: 3 },
  { cores: 12, processes: 3, threads: 2 },
  { cores: 16, processes: 4, threads: 2 },
  { cores: 31, processes: 7, threads: 2 },
  { cores: 32, processes: 8, threads: 2 },
  { cores: 48, processes: 8, threads: 4 },
  { cores: 64, processes: 8, threads: 6 },
  { cores: 256, processes: 8, threads: 8 },
];

test('each four cores have a process, and each has its share of the threads that deliver', () => {
  for (const { cores, processes, threads } of EXPECTED) {
    assert.equal(processCount(cores), processes, `${cores} cores`);
    assert.equal(deliveryThreads(processes, { cores }), threads, `${cores} cores`);
  }
});

test('where there are three cores or more, threads leave no core idle that a share has, and none has two', () => {
  for (let cores = 3; cores <= 64; cores++) {
    const processes = processCount(cores);
    const busy = processes * (2 + deliveryThreads(processes, { cores }));
    assert.ok(busy <= cores, `${busy} threads on ${cores} cores`);
    assert.ok(busy > cores - processes, `${busy} threads on ${cores} cores`);
  }
});

test('one process, as with a file, uses up to ten cores', () => {
  const expected = [
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 2],
    [8, 6],
    [64, 8],
  ] as const;
  for (const [cores, threads] of expected) assert.equal(deliveryThreads(1, { cores }), threads);
});

test('more processes than cores have a thread each that delivers', () => {
  assert.equal(deliveryThreads(3, { cores: 2 }), 1);
});
