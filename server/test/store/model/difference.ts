import { isDeepStrictEqual } from 'node:util';

/** The store and the model of it say or do different things. */
export class Difference extends Error {
  override name = 'Difference';
  /** How many operations were made until then; what comes behind them does not matter. */
  operations = Number.POSITIVE_INFINITY;
}

export function expectSame(what: string, said: unknown, wanted: unknown): void {
  if (isDeepStrictEqual(said, wanted)) return;
  throw new Difference(`${what}: ${JSON.stringify(said)}, not ${JSON.stringify(wanted)}`);
}
