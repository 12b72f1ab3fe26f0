import type { Clock, Lease } from '../core/ports.ts';
import type { NodeLease } from '../engine/nodes/node-lease.ts';

/**
 * A node's lease, as all threads of the process see it: the thread that renews it writes until when it
 * holds, in memory that they share. The moment is one of the clock that is the same in every thread
 * (`performance.now()` begins with its thread), and goes on while the process is stopped.
 */
export type LeaseMemory = SharedArrayBuffer;

const NEVER = 0n;
const NS_PER_MS = 1e6;

export function createLeaseMemory(): LeaseMemory {
  return new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
}

export function sharedLease(memory: LeaseMemory): Lease {
  const until = new BigInt64Array(memory);
  return { isValid: () => process.hrtime.bigint() < Atomics.load(until, 0) };
}

/** For the thread that renews it; `clock` is what it measures by. */
export function renewableLease(memory: LeaseMemory, clock: Clock): NodeLease {
  const until = new BigInt64Array(memory);
  return {
    ...sharedLease(memory),
    extend(moment) {
      const leftNs = BigInt(Math.floor((moment - clock.monotonic()) * NS_PER_MS));
      Atomics.store(until, 0, process.hrtime.bigint() + leftNs);
    },
    end() {
      Atomics.store(until, 0, NEVER);
    },
  };
}
