import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../src/platform/random.ts';

test('bytes are drawn over and over, each value about as often', () => {
  const random = createRandom();
  const counts = Array.from({ length: 256 }, () => 0);
  const draws = 256 * 1_000;
  for (let draw = 0; draw < draws; draw++) {
    const byte = random.byte();
    counts[byte] = (counts[byte] ?? 0) + 1;
  }
  // Seven standard deviations.
  for (const count of counts) assert.ok(Math.abs(count - 1_000) < 7 * Math.sqrt(1_000));
});

test('two sources draw different bytes', () => {
  const [first, second] = [createRandom(), createRandom()];
  assert.notDeepEqual(first.bytes(32), second.bytes(32));
  const drawn = [first, second].map((random) => Array.from({ length: 32 }, () => random.byte()));
  assert.notDeepEqual(drawn[0], drawn[1]);
});

test('a fraction is at least 0 and below 1', () => {
  const random = createRandom();
  for (let turn = 0; turn < 1_000; turn++) {
    const fraction = random.fraction();
    assert.ok(fraction >= 0 && fraction < 1);
  }
});
