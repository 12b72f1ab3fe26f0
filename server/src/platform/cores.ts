import { availableParallelism } from 'node:os';

const PROCESSES_MAX = 8;
const CORES_PER_PROCESS = 4;
const DELIVERY_THREADS_MAX = 8;
/** The API and the store have a thread each, in every process. */
const OTHERS = 2;

/**
 * Processes that share the work of a machine, where the database is for many: one for each four cores, of
 * which the API, the store and two delivery threads take one each.
 */
export function processCount(cores = availableParallelism()): number {
  return Math.min(PROCESSES_MAX, Math.max(1, Math.floor(cores / CORES_PER_PROCESS)));
}

/**
 * Threads that deliver, in each of so many processes: one for each core of its share that the API and the
 * store leave. A core is what may be used, not what the machine has; each thread costs some 40 MB.
 */
export function deliveryThreads(
  processes: number,
  { cores = availableParallelism() } = {},
): number {
  const share = Math.floor(cores / processes);
  return Math.min(DELIVERY_THREADS_MAX, Math.max(1, share - OTHERS));
}
