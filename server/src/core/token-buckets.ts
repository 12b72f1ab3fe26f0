import type { Clock } from './ports.ts';

/** What a bucket holds at most, and the time in which an empty one is full again. */
export interface BucketSize {
  quota: number;
  windowMs: number;
}

export interface Taking {
  isTaken: boolean;
  /** Whole tokens that are left. */
  remaining: number;
  /** Until there is a whole token; 0 when there is. */
  nextInMs: number;
  /** Until the bucket is full. */
  fullInMs: number;
}

/**
 * A token bucket for each key, refilled evenly. At most `keysMax` are kept: the one that was used
 * longest ago is forgotten, and is full when it comes again.
 */
export class TokenBuckets {
  readonly size: BucketSize;
  readonly #clock: Clock;
  readonly #keysMax: number;
  /** When each bucket is full, which tells what is in it at any time; used longest ago first. */
  readonly #fullAt = new Map<string, number>();

  constructor(clock: Clock, size: BucketSize, keysMax: number) {
    this.#clock = clock;
    this.size = size;
    this.#keysMax = keysMax;
  }

  take(key: string): Taking {
    const { quota, windowMs } = this.size;
    const tokenMs = windowMs / quota;
    const now = this.#clock.monotonic();
    const fullAt = Math.max(now, this.#fullAt.get(key) ?? now);
    const isTaken = fullAt + tokenMs - now <= windowMs;
    const fullInMs = fullAt - now + (isTaken ? tokenMs : 0);
    this.#keep(key, now + fullInMs);
    return {
      isTaken,
      remaining: Math.floor((windowMs - fullInMs) / tokenMs),
      nextInMs: Math.max(0, fullInMs + tokenMs - windowMs),
      fullInMs,
    };
  }

  #keep(key: string, fullAt: number): void {
    this.#fullAt.delete(key);
    this.#fullAt.set(key, fullAt);
    if (this.#fullAt.size <= this.#keysMax) return;
    const [oldest] = this.#fullAt.keys();
    if (oldest !== undefined) this.#fullAt.delete(oldest);
  }
}
