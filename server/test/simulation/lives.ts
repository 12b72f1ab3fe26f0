import type { Clock } from '../../src/core/ports.ts';
import type { Scheduler } from './scheduler.ts';

/** One run of the process: when it is over, nothing of it is heard any more. */
export interface Life {
  readonly number: number;
  isOver: boolean;
  /** It does nothing and hears nothing until then (monotonic), and then goes on as if nothing had been. */
  frozenUntil: number;
  /** It ended by itself, with what was in progress counted. */
  wasDrained: boolean;
}

export function newLife(number: number): Life {
  return { number, isOver: false, frozenUntil: Number.NEGATIVE_INFINITY, wasDrained: false };
}

/** What a process does after it fell does not happen, and while it is frozen it happens later. */
export function clockOf(scheduler: Scheduler, life: Life): Clock {
  const ring = (call: () => void) => {
    if (life.isOver) return;
    if (life.frozenUntil > scheduler.monotonic()) scheduler.at(life.frozenUntil, () => ring(call));
    else call();
  };
  return {
    now: () => scheduler.now(),
    monotonic: () => scheduler.monotonic(),
    after: (delayMs, call) => scheduler.after(delayMs, () => ring(call)),
  };
}
