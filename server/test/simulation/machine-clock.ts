import type { Clock, Timer } from '../../src/core/ports.ts';

/** The clocks of one machine, and what they said at moments of the simulation's own time. */
export interface MachineClock extends Clock {
  /** What its monotonic clock said at that moment. */
  monotonicAt(moment: number): number;
  /** The latest that its wall clock has said since that moment. */
  latestSince(moment: number): number;
  hasJumpedSince(moment: number): boolean;
}

export interface MachineClockOptions {
  /** How fast both clocks run beside the simulation's own time. */
  rate: number;
  /** What the monotonic clock says at the beginning of the simulation, and what the wall clock says. */
  monotonic: number;
  wall: number;
}

/** A timer never rings before its moment, however that is rounded. */
const ROUNDED_MS = 1e-6;

/** Clocks of a machine among others: nobody else's run as they do, and nobody else's say the same. */
export class SkewedClock implements MachineClock {
  readonly #time: Clock;
  readonly #options: MachineClockOptions;
  /** When the wall clock was set, and to how much beside the time that has passed; the newest last. */
  readonly #offsets: { at: number; offset: number }[];

  /** `time`: the simulation's own. */
  constructor(time: Clock, options: MachineClockOptions) {
    this.#time = time;
    this.#options = options;
    this.#offsets = [{ at: 0, offset: options.wall }];
  }

  now(): number {
    return this.#wallAt(this.#time.monotonic(), this.#newest);
  }

  monotonic(): number {
    return this.monotonicAt(this.#time.monotonic());
  }

  monotonicAt(moment: number): number {
    return this.#options.monotonic + this.#options.rate * moment;
  }

  after(delayMs: number, call: () => void): Timer {
    return this.#time.after(delayMs <= 0 ? 0 : delayMs / this.#options.rate + ROUNDED_MS, call);
  }

  jump(byMs: number): void {
    const offset = this.#newest.offset + byMs;
    this.#offsets.push({ at: this.#time.monotonic(), offset });
  }

  latestSince(moment: number): number {
    const latest = this.#offsets.map((one, index) => {
      const end = this.#offsets[index + 1]?.at ?? this.#time.monotonic();
      return end >= moment ? this.#wallAt(end, one) : Number.NEGATIVE_INFINITY;
    });
    return Math.max(...latest);
  }

  hasJumpedSince(moment: number): boolean {
    return this.#offsets.length > 1 && this.#newest.at >= moment;
  }

  get #newest(): { at: number; offset: number } {
    const newest = this.#offsets.at(-1);
    if (newest === undefined) throw new Error('a wall clock says something');
    return newest;
  }

  #wallAt(moment: number, { offset }: { offset: number }): number {
    return Math.floor(offset + this.#options.rate * moment);
  }
}
