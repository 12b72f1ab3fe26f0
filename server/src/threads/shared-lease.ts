import type { Clock } from '../core/ports.ts';
import type { NodeLease } from '../engine/nodes/node-lease.ts';

/** For a lease that one thread renews and others go by. */
export function createLeaseMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
}

/**
 * A lease that all threads of the process see at once. Its end is a moment of `process.hrtime`, which is
 * the same in all of them: `performance.now()` counts from the start of each thread.
 */
export function sharedLease(memory: SharedArrayBuffer, clock: Clock): NodeLease {
  const validUntil = new BigInt64Array(memory);
  return {
    isValid: () => process.hrtime.bigint() < Atomics.load(validUntil, 0),
    extend(until) {
      // In this order: who is held up in between believes in too short a lease, and not in too long a one.
      const now = process.hrtime.bigint();
      const leftMs = until - clock.monotonic();
      Atomics.store(validUntil, 0, now + BigInt(Math.floor(leftMs * 1e6)));
    },
    end() {
      Atomics.store(validUntil, 0, 0n);
    },
  };
}
