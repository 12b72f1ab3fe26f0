import { processCount } from '../platform/cores.ts';
import { StoreBrokenError } from '../store/sqlite/faults.ts';
import { exitCodeOf } from './exit-codes.ts';
import { endAfterFailure } from './failure.ts';
import { sayError } from './say-error.ts';
import type { Settings } from './settings.ts';
import { stopOnSignals } from './signals.ts';
import type { RunningServer, StartOptions } from './start.ts';

/**
 * The production form: nothing is generated, nothing private is reachable unless it is allowed. Over
 * PostgreSQL it is several processes where the machine has the cores for them.
 */
export async function serve(settings: Settings): Promise<void> {
  const { encryptionKey, rootKey, drainLimitMs } = settings;
  // The table says that `serve` needs both, so they were there when the settings were read.
  if (encryptionKey === null || rootKey === null) throw new Error('unreachable: a key is missing');
  const processes = processesFor(settings);
  const start = async (also: Pick<StartOptions, 'gather'> = {}) => {
    // Not before: a parent of processes serves nothing, and needs none of it.
    const { startServer } = await import('./start.ts');
    const keys = { encryptionKey, apiKeys: [rootKey] };
    return await startServer({ settings, ...keys, processes, crashed: endAfterCrash, ...also });
  };
  if (processes === 1) return serveUntilSignal(await start(), drainLimitMs);

  const { isChild, serveInChild } = await import('./processes/in-child.ts');
  if (isChild) return await serveInChild({ start, drainLimitMs });
  const { startProcesses } = await import('./processes/parent.ts');
  const running = await startProcesses({ count: processes, failed: endAfterFailure });
  serveUntilSignal(running, drainLimitMs);
}

/** A data file belongs to one process. */
function processesFor({ databaseUrl, processes }: Settings): number {
  return databaseUrl?.kind === 'postgres' ? (processes ?? processCount()) : 1;
}

function serveUntilSignal(
  server: Pick<RunningServer, 'url' | 'dataPlace' | 'stop'>,
  drainLimitMs: number,
): void {
  stopOnSignals(async () => {
    console.log('Stopping: finishing what is in progress …');
    const { abandoned, unsettled } = await server.stop(drainLimitMs);
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
