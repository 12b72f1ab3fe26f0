/** Whoever has served for so long did not fall because of how it was started. */
const STEADY_MS = 60_000;
const WAIT_MS_FIRST = 1_000;
const WAIT_MS_MAX = 30_000;

/** A process that has ended, unasked. */
export interface Fall {
  servedMs: number;
  /** Processes in its place that fell one soon after the other, before it. */
  fallsBefore: number;
}

export interface Restart {
  waitMs: number;
  /** For the next one in this place. */
  fallsBefore: number;
}

/** At once for the first time; what falls again and again is started ever more slowly, for ever. */
export function restartAfter({ servedMs, fallsBefore }: Fall): Restart {
  const inARow = servedMs >= STEADY_MS ? 0 : fallsBefore;
  const waitMs = inARow === 0 ? 0 : Math.min(WAIT_MS_MAX, WAIT_MS_FIRST * 2 ** (inARow - 1));
  return { waitMs, fallsBefore: inARow + 1 };
}
