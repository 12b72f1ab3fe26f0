// Imported before anything else: V8 reads some of these when a thread begins.
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/**
 * How much garbage V8 lets pile up among old objects before it collects them, beside what is in use: as
 * much again, in every thread, and not up to three times as much. What lives long here is little, and
 * each thread would grow by itself (docs/decisions/0013-engine.md, "Memory").
 */
setFlagsFromString('--heap-growing-percent=100');

/**
 * Threads that compile for each thread, instead of four. All that serves a request is found worth it
 * within the same tenth of a second, and four more threads for each of ours took the processor from
 * what they compiled for (docs/decisions/0013-engine.md, "The first seconds").
 */
setFlagsFromString('--concurrent-turbofan-max-threads=1');

/**
 * Nothing new is put among old objects because what was made in the same place before lived long. In the
 * first moments much does; an old array that is garbage itself then keeps what was in it from the
 * collections of what is young (there, "No sets of what comes and goes").
 */
setFlagsFromString('--no-allocation-site-pretenuring');

/** Room for young objects in a thread, in MB, twice: V8 would let it grow to 32 (there, "Memory"). */
const SEMI_SPACE_MB = 8;
setFlagsFromString(`--min-semi-space-size=${SEMI_SPACE_MB}`);
setFlagsFromString(`--max-semi-space-size=${SEMI_SPACE_MB}`);

// Those two are for the threads to come. This one's room grows, and stays as it is when it is as large.
const collections = new PerformanceObserver(() => {
  if (youngBytes() < 2 * SEMI_SPACE_MB * 1024 * 1024) return;
  setFlagsFromString('--semi-space-growth-factor=1');
  collections.disconnect();
});
collections.observe({ entryTypes: ['gc'] });

function youngBytes(): number {
  const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return young?.space_size ?? 0;
}
