import { Worker } from 'node:worker_threads';
import { type Fault, PosthornError } from '../core/errors.ts';
import type { DataSchemas, DescribedData } from '../core/ports.ts';

/** A usual check takes a fiftieth of it, most of it the start of the thread. */
const CHECK_MS_MAX = 3_000;
const WAITING_MAX = 10;
const RETRY_AFTER_SECONDS = 3;
const MEMORY_LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16 };

/** Stands for a fault when the thread did not come to an answer. */
const TOO_COMPLEX: Fault = {
  pointer: '/schema',
  code: 'too_complex',
  detail:
    'Checking this schema takes too long or too much memory: make its patterns and references simpler.',
};

/**
 * Checks each schema in a thread of its own, which ends with it: a pattern or references within
 * references can take any time, and nothing else ends what runs them. One after the other, so that they
 * take one core at most.
 */
export function createDataSchemas({ checkMsMax = CHECK_MS_MAX } = {}): DataSchemas {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  return {
    async faults(data) {
      if (waiting >= WAITING_MAX) {
        throw new PosthornError('overloaded', 'Too many schemas are being checked.', {
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        });
      }
      waiting += 1;
      const own = last.then(() => checkInThread(data, checkMsMax));
      last = own.catch(() => {});
      return await own.finally(() => {
        waiting -= 1;
      });
    },
  };
}

async function checkInThread(workerData: DescribedData, msMax: number): Promise<readonly Fault[]> {
  const worker = new Worker(new URL('./data-schema-thread.ts', import.meta.url), {
    workerData,
    resourceLimits: MEMORY_LIMITS,
    name: 'data-schema',
  });
  const { promise, resolve, reject } = Promise.withResolvers<readonly Fault[]>();
  const timer = setTimeout(resolve, msMax, [TOO_COMPLEX]);
  worker.on('message', resolve);
  worker.on('error', (error: Error) => {
    if (isExhausted(error)) resolve([TOO_COMPLEX]);
    else reject(error);
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

/** No stack or no memory was left. */
function isExhausted(error: Error): boolean {
  return (
    error instanceof RangeError || ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY')
  );
}
