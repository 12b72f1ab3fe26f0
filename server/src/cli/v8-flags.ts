import { setFlagsFromString } from 'node:v8';

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
