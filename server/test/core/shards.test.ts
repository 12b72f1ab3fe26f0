import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createIds } from '../../src/core/ids.ts';
import { SHARDS, shardOf, threadOf } from '../../src/core/shards.ts';
import { seeded } from './support/seeded.ts';

describe('a webhook is of the same shard for ever', () => {
  // FNV-1a, 32 bits: the published values of its authors.
  const hashes: [text: string, hash: number][] = [
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['b', 0xe70c2de5],
    ['foobar', 0xbf9cf968],
  ];
  for (const [text, hash] of hashes) {
    test(`"${text}" by its hash ${hash.toString(16)}`, () => {
      assert.equal(shardOf(text), hash % 64);
    });
  }
});

test('a shard is served by one thread, whatever their number', () => {
  for (let threads = 1; threads <= SHARDS; threads++) {
    const served = Array.from({ length: SHARDS }, (_, shard) => threadOf(shard, threads));
    assert.deepEqual(new Set(served), new Set(Array(threads).keys()));
  }
});

test('webhooks are spread evenly over the shards', (t) => {
  const random = seeded(t);
  let now = Date.UTC(2023, 11, 1);
  const clock = { now: () => now++, monotonic: () => now, after: () => ({ cancel() {} }) };
  const newId = createIds({ clock, random });
  const counts = Array.from({ length: SHARDS }, () => 0);
  const webhooks = 100_000;
  for (let count = 0; count < webhooks; count++) {
    const shard = shardOf(newId('webhook'));
    counts[shard] = (counts[shard] ?? 0) + 1;
  }
  const mean = webhooks / SHARDS;
  // Six standard deviations: by chance once in a thousand million.
  const spread = 6 * Math.sqrt(mean);
  for (const count of counts) assert.ok(Math.abs(count - mean) < spread, String(counts));
});
