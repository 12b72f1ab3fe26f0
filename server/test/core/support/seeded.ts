import type { TestContext } from 'node:test';
import type { Random } from '../../../src/core/ports.ts';
import { createSeededRandom } from '../../system/support/seeded-random.ts';

/** Randomness that can be had again: the same seed, the same choices. */
export interface Seeded extends Random {
  /** A whole number from 0 to below this. */
  below(end: number): number;
  pick<Item>(items: readonly Item[]): Item;
}

/** The seed is in the test's report; `TEST_SEED=…` runs the same again. */
export function seeded(t: TestContext): Seeded {
  const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));
  t.diagnostic(`TEST_SEED=${seed}`);
  return seededBy(seed);
}

export function seededBy(seed: number): Seeded {
  const fraction = createSeededRandom(seed);
  const below = (end: number) => Math.floor(fraction() * end);
  return {
    fraction,
    below,
    byte: () => below(256),
    bytes: (count) => Uint8Array.from({ length: count }, () => below(256)),
    pick(items) {
      const item = items[below(items.length)];
      if (item === undefined) throw new RangeError('nothing to pick from');
      return item;
    },
  };
}
