import { type Seeded, seededBy } from '../core/support/seeded.ts';

/** Everything that a simulation leaves to chance, out of one seed. */
export interface Chance extends Seeded {
  /** A whole number, both ends included. */
  between(from: number, to: number): number;
  happens(probability: number): boolean;
}

export function createChance(seed: number): Chance {
  const seeded = seededBy(seed);
  return {
    ...seeded,
    between: (from, to) => from + seeded.below(to - from + 1),
    happens: (probability) => seeded.fraction() < probability,
  };
}
