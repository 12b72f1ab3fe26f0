import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Timer } from '../../src/core/ports.ts';
import type { MachineClock } from './machine-clock.ts';

/** Noon of some day: ids and dates look like real ones. */
export const BEGIN = Date.UTC(2023, 11, 1, 12);
/** Far more than any seed needs; a run that comes here goes round in circles. */
const STEPS_MAX = 3_000_000;

interface Entry {
  at: number;
  order: number;
  call: () => void;
  isCancelled: boolean;
}

/**
 * Virtual time: nothing happens but what was put down here, one thing after the other, and whatever that
 * sets off in promises is finished before the next. The monotonic clock is the scheduler's own time; the
 * wall clock is beside it and may be set. Where there are several machines each has clocks of its own instead.
 */
export class Scheduler implements MachineClock {
  readonly #heap: Entry[] = [];
  /** When the wall clock was set, and to how much beside the monotonic one; the newest last. */
  readonly #offsets: { at: number; offset: number }[] = [{ at: 0, offset: BEGIN }];
  #elapsed = 0;
  #order = 0;
  #steps = 0;

  get steps(): number {
    return this.#steps;
  }

  now(): number {
    return Math.floor(this.#elapsed + (this.#offsets.at(-1)?.offset ?? BEGIN));
  }

  monotonic(): number {
    return this.#elapsed;
  }

  monotonicAt(moment: number): number {
    return moment;
  }

  after(delayMs: number, call: () => void): Timer {
    const at = this.#elapsed + Math.max(0, delayMs);
    const entry = { at, order: this.#order++, call, isCancelled: false };
    push(this.#heap, entry);
    return {
      cancel() {
        entry.isCancelled = true;
      },
    };
  }

  /** At this monotonic moment. */
  at(moment: number, call: () => void): Timer {
    return this.after(moment - this.#elapsed, call);
  }

  jump(byMs: number): void {
    const offset = (this.#offsets.at(-1)?.offset ?? BEGIN) + byMs;
    this.#offsets.push({ at: this.#elapsed, offset });
  }

  latestSince(moment: number): number {
    let latest = this.now();
    for (const [index, { offset }] of this.#offsets.entries()) {
      const end = this.#offsets[index + 1]?.at ?? this.#elapsed;
      if (end >= moment) latest = Math.max(latest, Math.floor(end + offset));
    }
    return latest;
  }

  hasJumpedSince(moment: number): boolean {
    return this.#offsets.length > 1 && (this.#offsets.at(-1)?.at ?? 0) >= moment;
  }

  /** Goes on until nothing is left, that moment has come, or somebody says that it is enough. */
  async run(until: number, isEnough: () => boolean = () => false): Promise<void> {
    await nextTurn();
    while (!isEnough()) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) break;
      pop(this.#heap);
      if (next.isCancelled) continue;
      if (++this.#steps > STEPS_MAX) throw new Error(`more than ${STEPS_MAX} steps`);
      this.#elapsed = next.at;
      next.call();
      await nextTurn();
    }
    if (!isEnough() && until < Number.POSITIVE_INFINITY) this.#elapsed = until;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Entry[], entry: Entry): void {
  let index = heap.push(entry) - 1;
  while (index > 0) {
    const above = (index - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || !isBefore(entry, parent)) break;
    heap[index] = parent;
    heap[above] = entry;
    index = above;
  }
}

function pop(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    const right = heap[child + 1];
    let entry = heap[child];
    if (entry === undefined) break;
    if (right !== undefined && isBefore(right, entry)) {
      entry = right;
      child += 1;
    }
    if (!isBefore(entry, last)) break;
    heap[index] = entry;
    index = child;
  }
  heap[index] = last;
}
