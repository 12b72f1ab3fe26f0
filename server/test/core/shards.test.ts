import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createIds } from '../../src/core/ids.ts';
import { ownerOf } from '../../src/core/shards.ts';
import { seeded } from './support/seeded.ts';

describe('a webhook always has the same owner', () => {
  // FNV-1a, 32 bits: the published values of its authors.
  const hashes: [text: string, hash: number][] = [
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['b', 0xe70c2de5],
    ['foobar', 0xbf9cf968],
  ];
  for (const [text, hash] of hashes) {
    test(`"${text}" by its hash ${hash.toString(16)}`, () => {
      for (const owners of [2, 3, 64, 1_024, 2 ** 31]) {
        assert.equal(ownerOf(text, owners), hash % owners);
      }
    });
  }

  test('when there is one owner, that one', () => {
    for (const [text] of hashes) assert.equal(ownerOf(text, 1), 0);
  });
});

for (const owners of [2, 3, 4, 7, 16]) {
  test(`webhooks are spread evenly over ${owners} owners`, (t) => {
    const random = seeded(t);
    let now = Date.UTC(2023, 11, 1);
    const clock = { now: () => now++, monotonic: () => now, after: () => ({ cancel() {} }) };
    const newId = createIds({ clock, random });
    const counts = Array.from({ length: owners }, () => 0);
    const webhooks = 20_000;
    for (let count = 0; count < webhooks; count++) {
      const owner = ownerOf(newId('webhook'), owners);
      counts[owner] = (counts[owner] ?? 0) + 1;
    }
    const mean = webhooks / owners;
    // Six standard deviations: by chance once in a thousand million.
    const spread = 6 * Math.sqrt(mean);
    for (const count of counts) assert.ok(Math.abs(count - mean) < spread, String(counts));
  });
}
