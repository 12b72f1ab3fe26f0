import { randomFillSync } from 'node:crypto';
import type { Random } from '../core/ports.ts';

const POOL_BYTES = 4_096;

/** Bytes of the operating system's source, fetched by the page: one at a time would cost a call each. */
export function createRandom(): Random {
  const pool = new Uint8Array(POOL_BYTES);
  let next = POOL_BYTES;

  return {
    byte() {
      if (next === POOL_BYTES) {
        randomFillSync(pool);
        next = 0;
      }
      return pool[next++] ?? 0;
    },
    bytes: (count) => randomFillSync(new Uint8Array(count)),
    fraction: () => Math.random(),
  };
}
