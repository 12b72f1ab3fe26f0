import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createIds } from '../../src/core/ids.ts';
import { SHARDS, shardOf, threadOf } from '../../src/core/shards.ts';
import { seeded } from './support/seeded.ts';

describe('a webhook always belongs to the same shard', () => {
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

  test('and where one thread delivers, to that one', () => {
    for (const [text] of hashes) assert.equal(threadOf(shardOf(text), 1), 0);
  });
});

for (const threads of [2, 4, 8, 16, SHARDS]) {
  test(`webhooks are spread evenly over ${threads} threads`, (t) => {
    const random = seeded(t);
    let now = Date.UTC(2023, 11, 1);
    const clock = { now: () => now++, monotonic: () => now, after: () => ({ cancel() {} }) };
    const newId = createIds({ clock, random });
    const counts = Array.from({ length: threads }, () => 0);
    const webhooks = 20_000;
    for (let count = 0; count < webhooks; count++) {
      const thread = threadOf(shardOf(newId('webhook')), threads);
      counts[thread] = (counts[thread] ?? 0) + 1;
    }
    const mean = webhooks / threads;
    // Six standard deviations: by chance once in a thousand million.
    const spread = 6 * Math.sqrt(mean);
    for (const count of counts) assert.ok(Math.abs(count - mean) < spread, String(counts));
  });
}
