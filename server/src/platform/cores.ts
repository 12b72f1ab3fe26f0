import { availableParallelism } from 'node:os';

const MAX = 8;
/** The API and the store have a thread each. */
const OTHERS = 2;

/**
 * Threads that deliver: one for each core that the API and the store leave. A core is what this process
 * may use, not what the machine has; each thread costs some 40 MB.
 */
export function deliveryThreads(cores = availableParallelism()): number {
  return Math.min(MAX, Math.max(1, cores - OTHERS));
}
