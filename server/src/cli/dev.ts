import { join } from 'node:path';
import { createDevPages } from '../http/dev/dev-pages.ts';
import { devApiKey, devEncryptionKey } from './dev-files.ts';
import { createDevReceiver, registerDevReceiver } from './dev-receiver.ts';
import { endAfterCrash } from './serve.ts';
import type { Settings } from './settings.ts';
import { stopOnSignals } from './signals.ts';
import { type RunningServer, startServer } from './start.ts';

/** The form to try it with: keys are made and kept, loopback and http are allowed, a page shows what arrives. */
export async function dev(settings: Settings): Promise<void> {
  const apiKey = devApiKey(settings.dataDir);
  const encryptionKey = settings.encryptionKey ?? devEncryptionKey(settings.dataDir);
  const receiver = createDevReceiver(encryptionKey);
  const server = await startServer({
    settings,
    encryptionKey,
    apiKeys: settings.rootKey === null ? [apiKey] : [apiKey, settings.rootKey],
    dev: createDevPages(receiver),
    crashed: endAfterCrash,
  });
  await registerDevReceiver(server, receiver);
  stopOnSignals(async () => {
    console.log('\nStopping: finishing what is in progress …');
    await server.stop(settings.drainLimitMs);
    console.log('Stopped. What was accepted is kept; "npm start" goes on with it.');
  });
  console.log(welcome(server, apiKey, settings.dataDir));
}

function welcome({ url, dataPlace }: RunningServer, apiKey: string, dataDir: string): string {
  const event = '{"type":"user.created","data":{"id":"usr_789","name":"John Doe"}}';
  return `
Posthorn is running at ${url}

  Page       ${url}/
  API key    ${apiKey}
             (kept in ${join(dataDir, 'dev-api-key')})
  Data       ${dataPlace}

Publish an event; the built-in receiver gets it, and the page shows that it was verified:

  curl -X POST ${url}/v1/events -H "Authorization: Bearer ${apiKey}" -H "Content-Type: application/json" -d '${event}'

Ctrl-C stops it.`;
}
