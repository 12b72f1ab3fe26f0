import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TokenBuckets } from '../../src/core/token-buckets.ts';
import { createFakeClock } from '../engine/support/fake-clock.ts';

const THREE_A_SECOND = { quota: 3, windowMs: 1_500 };

test('a bucket gives what is in it, and then nothing', () => {
  const buckets = bucketsOf();
  const takings = Array.from({ length: 4 }, () => buckets.take('a'));
  assert.deepEqual(
    takings.map(({ isTaken, remaining }) => [isTaken, remaining]),
    [
      [true, 2],
      [true, 1],
      [true, 0],
      [false, 0],
    ],
  );
});

test('an empty bucket says when the next token is there and when it is full', () => {
  const buckets = bucketsOf();
  for (const _ of [1, 2, 3]) buckets.take('a');
  assert.deepEqual(buckets.take('a'), {
    isTaken: false,
    remaining: 0,
    nextInMs: 500,
    fullInMs: 1_500,
  });
});

test('a token is there when it was said to be, and not a millisecond before', async () => {
  const clock = createFakeClock();
  const buckets = new TokenBuckets(clock, THREE_A_SECOND, 10);
  for (const _ of [1, 2, 3]) buckets.take('a');
  await clock.advance(499);
  assert.equal(buckets.take('a').isTaken, false);
  await clock.advance(1);
  assert.equal(buckets.take('a').isTaken, true);
  assert.equal(buckets.take('a').isTaken, false);
});

test('a bucket holds no more than its quota, however long nobody takes', async () => {
  const clock = createFakeClock();
  const buckets = new TokenBuckets(clock, THREE_A_SECOND, 10);
  buckets.take('a');
  await clock.advance(3_600_000);
  assert.deepEqual(buckets.take('a'), {
    isTaken: true,
    remaining: 2,
    nextInMs: 0,
    fullInMs: 500,
  });
});

test('each key has a bucket of its own', () => {
  const buckets = bucketsOf();
  for (const _ of [1, 2, 3, 4]) buckets.take('a');
  assert.equal(buckets.take('b').remaining, 2);
});

test('beyond its bound the key that was used longest ago is forgotten', () => {
  const buckets = bucketsOf({ keysMax: 2 });
  for (const key of ['a', 'a', 'a', 'b', 'a', 'c']) buckets.take(key);
  assert.equal(buckets.take('a').isTaken, false, 'it was used after b');
  assert.equal(buckets.take('b').remaining, 2);
});

function bucketsOf({ keysMax = 10 } = {}): TokenBuckets {
  return new TokenBuckets(createFakeClock(), THREE_A_SECOND, keysMax);
}
