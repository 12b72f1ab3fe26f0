import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Timer } from '../../../src/core/ports.ts';

/** A clock that goes on only when it is told to. */
export interface FakeClock extends Clock {
  /** Goes on by so much; each timer rings at its own moment, and what it sets off is finished first. */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock, as an operator or NTP does; timers and `monotonic` do not notice. */
  set(now: number): void;
  /** How many timers have been set and have not rung. */
  readonly timers: number;
}

interface Entry {
  at: number;
  call: () => void;
}

export const NOON = Date.UTC(2023, 11, 1, 12);

export function createFakeClock(): FakeClock {
  let elapsed = 0;
  let offset = NOON;
  const timers = new Set<Entry>();

  return {
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    after(delayMs, call) {
      if (delayMs <= 0) return afterThisTurn(call);
      const entry = { at: elapsed + delayMs, call };
      timers.add(entry);
      return { cancel: () => void timers.delete(entry) };
    },
    async advance(ms) {
      const end = elapsed + ms;
      await settled();
      for (let next = firstUntil(end); next !== undefined; next = firstUntil(end)) {
        timers.delete(next);
        elapsed = next.at;
        next.call();
        await settled();
      }
      elapsed = end;
    },
    set(now) {
      offset = now - elapsed;
    },
    get timers() {
      return timers.size;
    },
  };

  /** The next timer; of several at one moment the one that was set first. */
  function firstUntil(end: number): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of timers) {
      if (entry.at <= end && (first === undefined || entry.at < first.at)) first = entry;
    }
    return first;
  }
}

/** What is to be called at the end of this turn of the event loop. */
const soon = new Set<NodeJS.Immediate>();

function afterThisTurn(call: () => void): Timer {
  const immediate = setImmediate(() => {
    soon.delete(immediate);
    call();
  });
  soon.add(immediate);
  return {
    cancel() {
      soon.delete(immediate);
      clearImmediate(immediate);
    },
  };
}

/**
 * Everything that was set off has happened: fakes and the store in memory answer in microtasks, and all
 * of those are over when the event loop takes its next turn.
 */
export async function settled(): Promise<void> {
  do await nextTurn();
  while (soon.size > 0);
}

/** How much a count grew in each turn of the event loop in which it did, until that is asked for. */
export function countEachTurn(count: () => number): () => number[] {
  const grown: number[] = [];
  let before = count();
  let next = setImmediate(goOn);
  return () => {
    clearImmediate(next);
    look();
    return grown;
  };

  function goOn(): void {
    look();
    next = setImmediate(goOn);
  }

  function look(): void {
    const now = count();
    if (now !== before) grown.push(now - before);
    before = now;
  }
}
