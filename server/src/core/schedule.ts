/** The documented schedule: attempt 1 at once, then so many milliseconds after the end of the one before. */
export const DOCUMENTED_SCHEDULE_MS: readonly number[] = [
  0,
  60_000,
  5 * 60_000,
  30 * 60_000,
  60 * 60_000,
  6 * 60 * 60_000,
];

/** Jitter only ever adds: the schedule is a lower bound (docs/webhooks.md). */
const JITTER_MAX = 0.1;

/**
 * When the attempt after number `made` is due, or null when the schedule is used up.
 * `fraction` is at least 0 and below 1.
 */
export function nextDueAt(
  schedule: readonly number[],
  made: number,
  endedAt: number,
  fraction: number,
): number | null {
  const delay = schedule[made];
  if (delay === undefined) return null;
  return endedAt + delay + Math.floor(delay * JITTER_MAX * fraction);
}
