import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Posthorn {
  readonly url: string;
  readonly apiKey: string;
  /** Ends it if it was started here. */
  stop(): Promise<void>;
  /** Fulfilled when one that was started here ends by itself. */
  readonly ended: Promise<void>;
}

const PROBE_MS = 2_000;

/**
 * The one that `POSTHORN_URL` and `POSTHORN_API_KEY` name, else the one that `npm start` runs in another
 * terminal, else one of its own in dev mode.
 */
export async function findPosthorn(environment: NodeJS.ProcessEnv): Promise<Posthorn> {
  const { POSTHORN_URL: url = '', POSTHORN_API_KEY: apiKey = '' } = environment;
  if (url === '') return (await runningHere(environment)) ?? (await startPosthorn());
  if (apiKey === '') throw new Error('POSTHORN_URL is set: POSTHORN_API_KEY is needed too.');
  return joined(url, apiKey);
}

function joined(url: string, apiKey: string): Posthorn {
  return { url, apiKey, async stop() {}, ended: new Promise(() => {}) };
}

/** It takes the key that it keeps beside its data, or it is another program. */
async function runningHere(environment: NodeJS.ProcessEnv): Promise<Posthorn | null> {
  const { POSTHORN_PORT: port = '4900', POSTHORN_DATA_DIR: dataDir = '.posthorn' } = environment;
  const url = `http://127.0.0.1:${port}`;
  try {
    const apiKey = (await readFile(join(dataDir, 'dev-api-key'), 'utf8')).trim();
    const headers = { Authorization: `Bearer ${apiKey}` };
    const signal = AbortSignal.timeout(PROBE_MS);
    const { ok } = await fetch(`${url}/v1/event-types`, { headers, signal });
    return ok ? joined(url, apiKey) : null;
  } catch {
    return null;
  }
}

const PROGRAM = fileURLToPath(new URL('../../node_modules/.bin/posthorn', import.meta.url));

async function startPosthorn(): Promise<Posthorn> {
  const child = spawn(process.execPath, [PROGRAM, 'dev'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit').then(() => {});
  const { url, apiKey } = await printed(child, exited);
  return {
    url,
    apiKey,
    ended: exited,
    async stop() {
      // In a terminal Ctrl-C has reached it as well; it takes two within a second for one.
      child.kill('SIGINT');
      await exited;
    },
  };
}

/** `dev` prints its address and its key. */
async function printed(child: ChildProcess, exited: Promise<void>) {
  if (child.stdout === null) throw new Error('its output is read');
  const found = Promise.withResolvers<{ url: string; apiKey: string }>();
  let url = '';
  // Read to its end: a full pipe would hold Posthorn back.
  createInterface(child.stdout).on('line', (line) => {
    url ||= /^Posthorn is running at (\S+)$/.exec(line)?.[1] ?? '';
    const apiKey = /^ +API key +(\S+)$/.exec(line)?.[1];
    if (apiKey !== undefined) found.resolve({ url, apiKey });
  });
  const failed = exited.then(() => {
    throw new Error(
      'Posthorn did not start. POSTHORN_URL and POSTHORN_API_KEY name one that runs.',
    );
  });
  // Looked at once: later it ends without anybody waiting here.
  failed.catch(() => {});
  return await Promise.race([found.promise, failed]);
}
