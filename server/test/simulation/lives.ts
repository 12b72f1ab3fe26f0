import type { Clock } from '../../src/core/ports.ts';
import type { MachineClock } from './machine-clock.ts';
import type { Scheduler } from './scheduler.ts';

/** One run of the process: when it is over, nothing of it is heard any more. */
export interface Life {
  readonly number: number;
  /** Of the machine that it runs on. */
  readonly clock: MachineClock;
  /** By the scheduler's time. */
  readonly beganAt: number;
  isOver: boolean;
  /** It does nothing and hears nothing until then (the scheduler's time), and then goes on as if nothing had been. */
  frozenUntil: number;
  /** It ended by itself, with what was in progress counted. */
  wasDrained: boolean;
}

export function newLife(number: number, of: { clock: MachineClock; beganAt: number }): Life {
  const frozenUntil = Number.NEGATIVE_INFINITY;
  return { number, ...of, isOver: false, frozenUntil, wasDrained: false };
}

/** What a process does after it fell does not happen, and while it is frozen it happens later. */
export function clockOf(scheduler: Scheduler, life: Life): Clock {
  const { clock } = life;
  const ring = (call: () => void) => {
    if (life.isOver) return;
    if (life.frozenUntil > scheduler.monotonic()) scheduler.at(life.frozenUntil, () => ring(call));
    else call();
  };
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (delayMs, call) => clock.after(delayMs, () => ring(call)),
  };
}
