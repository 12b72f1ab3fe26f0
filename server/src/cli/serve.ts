import { StoreBrokenError } from '../store/sqlite/faults.ts';
import { exitCodeOf } from './exit-codes.ts';
import { sayError } from './say-error.ts';
import type { Settings } from './settings.ts';
import { stopOnSignals } from './signals.ts';
import { startServer } from './start.ts';

/** The production form: nothing is generated, nothing private is reachable unless it is allowed. */
export async function serve(settings: Settings): Promise<void> {
  const { encryptionKey, rootKey } = settings;
  // The table says that `serve` needs both, so they were there when the settings were read.
  if (encryptionKey === null || rootKey === null) throw new Error('unreachable: a key is missing');

  const server = await startServer({
    settings,
    encryptionKey,
    apiKeys: [rootKey],
    crashed: endAfterCrash,
  });
  stopOnSignals(async () => {
    console.log('Stopping: finishing what is in progress …');
    const { abandoned, unsettled } = await server.stop(settings.drainLimitMs);
    const left = abandoned + unsettled;
    console.log(left === 0 ? 'Stopped.' : `Stopped; ${left} deliveries go on at the next start.`);
  });
  // Whoever reads it may stop it at once.
  console.log(`Posthorn is serving at ${server.url} (data: ${server.dataPlace})`);
}

/**
 * A part that everything depends on fell, or the store cannot go on: what was accepted is on the disk,
 * and the next start goes on with it.
 */
export function endAfterCrash(error: Error): void {
  if (error instanceof StoreBrokenError) {
    console.error(error.message);
  } else {
    console.error('Posthorn failed and ends now; what was accepted is kept.');
    sayError(error);
  }
  process.exit(exitCodeOf(error));
}
