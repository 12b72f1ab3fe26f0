import type { Clock } from '../core/ports.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, call) {
    if (delayMs <= 0) {
      const immediate = setImmediate(call);
      return { cancel: () => clearImmediate(immediate) };
    }
    const timer = setTimeout(call, Math.min(delayMs, TIMEOUT_MAX_MS));
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Node fires longer ones at once; whoever waits for a later moment looks at the clock when called. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;
