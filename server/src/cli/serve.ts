import { SettingsError } from './read-settings.ts';
import type { Settings } from './settings.ts';
import { stopOnSignals } from './signals.ts';
import { startServer } from './start.ts';

const DRAIN_LIMIT_MS = 20_000;

/** The production form: nothing is generated, nothing private is reachable unless it is allowed. */
export async function serve(settings: Settings): Promise<void> {
  const { encryptionKey, rootKey } = settings;
  const faults: string[] = [];
  if (encryptionKey === null) {
    faults.push(
      'POSTHORN_ENCRYPTION_KEY is needed: base64 of 32 bytes, made with "openssl rand -base64 32". Keep it: secrets cannot be read without it.',
    );
  }
  if (rootKey === null) {
    faults.push("POSTHORN_ROOT_KEY is needed: the operator's API key, at least 32 characters.");
  }
  if (encryptionKey === null || rootKey === null) throw new SettingsError(faults);

  const server = await startServer({
    settings,
    encryptionKey,
    apiKeys: [rootKey],
    crashed: endAfterCrash,
  });
  console.log(`Posthorn is serving at ${server.url} (data: ${server.databasePath})`);
  stopOnSignals(async () => {
    console.log('Stopping: finishing what is in progress …');
    const { abandoned, unsettled } = await server.stop(DRAIN_LIMIT_MS);
    const left = abandoned + unsettled;
    console.log(left === 0 ? 'Stopped.' : `Stopped; ${left} deliveries go on at the next start.`);
  });
}

/** A thread fell: that is a defect of ours. What was accepted is on the disk; the next start goes on. */
export function endAfterCrash(error: Error): void {
  console.error('Posthorn failed and ends now; what was accepted is kept.', error);
  process.exit(70);
}
