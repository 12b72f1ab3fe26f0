import assert from 'node:assert/strict';
import { test } from 'node:test';
import { restartAfter } from '../../src/cli/processes/restarts.ts';

/** The waits before each process in one place, when each has served for so long. */
function waitsOf(count: number, servedMs: (number: number) => number): number[] {
  let fallsBefore = 0;
  return Array.from({ length: count }, (_, number) => {
    const { waitMs, ...next } = restartAfter({ servedMs: servedMs(number), fallsBefore });
    fallsBefore = next.fallsBefore;
    return waitMs;
  });
}

test('a process that falls is started again at once, and ever more slowly when it falls again', () => {
  const expected = [0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
  assert.deepEqual(
    waitsOf(8, () => 0),
    expected,
  );
  assert.equal(waitsOf(2_000, () => 59_999).at(-1), 30_000);
});

test('one that has served for a minute is started again at once, whatever was before', () => {
  const waits = waitsOf(6, (number) => (number === 3 ? 60_000 : 10));
  assert.deepEqual(waits, [0, 1_000, 2_000, 0, 1_000, 2_000]);
});
