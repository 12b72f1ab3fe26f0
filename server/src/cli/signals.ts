import { sayError } from './say-error.ts';

/** Under npm one Ctrl-C arrives twice, within a millisecond: from the terminal, and from npm. */
const SAME_SIGNAL_MS = 1_000;

/**
 * Calls `stop` at the first SIGINT or SIGTERM and ends the process when it is done. Another signal
 * more than a second later ends it at once: what was accepted is on the disk already.
 */
export function stopOnSignals(stop: () => Promise<void>): void {
  let firstAt: number | null = null;
  const heard = (): void => {
    const now = performance.now();
    if (firstAt === null) {
      firstAt = now;
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          sayError(error);
          process.exit(1);
        },
      );
    } else if (now - firstAt > SAME_SIGNAL_MS) {
      console.error('Ending at once.');
      process.exit(130);
    }
  };
  process.on('SIGINT', heard);
  process.on('SIGTERM', heard);
}
