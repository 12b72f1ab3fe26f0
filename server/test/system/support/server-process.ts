import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '../../support/until.ts';
import { RunningProcess } from './child-process.ts';
import { cleanUp } from './clean-up.ts';

const PROGRAM = fileURLToPath(new URL('../../../src/cli/index.ts', import.meta.url));
const READY = /^Posthorn is (?:running|serving) at (http:\/\/\S+)/m;

/** What `serve` needs and `dev` may have. */
export const ROOT_KEY = 'root-key-of-the-system-tests-0123456789';
export const ENCRYPTION_KEY = Buffer.alloc(32, 7).toString('base64');
export const SERVE_KEYS = {
  POSTHORN_ROOT_KEY: ROOT_KEY,
  POSTHORN_ENCRYPTION_KEY: ENCRYPTION_KEY,
};

export interface ServerOptions {
  mode: 'dev' | 'serve';
  dataDir: string;
  /** More settings; the port is a free one unless it is among them. */
  environment?: Record<string, string>;
  /** In a process group of its own, as a shell starts it. */
  ownGroup?: boolean;
}

export interface ServerProcess {
  process: RunningProcess;
  /** Where it answers. */
  url: string;
}

/** A directory that is removed after the test. */
export function temporaryDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'posthorn-system-'));
  cleanUp(t, () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/** Starts the real program; it may not become a server. Whatever is left of it ends with the test. */
export function launch(t: TestContext, options: ServerOptions): RunningProcess {
  const launched = new RunningProcess({
    command: process.execPath,
    args: [PROGRAM, options.mode],
    cwd: options.dataDir,
    ownGroup: options.ownGroup ?? false,
    environment: {
      ...cleanEnvironment(),
      POSTHORN_DATA_DIR: options.dataDir,
      POSTHORN_PORT: '0',
      ...options.environment,
    },
  });
  cleanUp(t, async () => {
    launched.kill('SIGKILL');
    await launched.end();
  });
  return launched;
}

/** Starts a real server and waits until it answers that it is ready. */
export async function startServer(t: TestContext, options: ServerOptions): Promise<ServerProcess> {
  const launched = launch(t, options);
  const [, url = ''] = await launched.output(READY);
  await until('the server is ready', async () => (await fetch(`${url}/readyz`)).ok);
  return { process: launched, url };
}

/** The key that `dev` prints. */
export async function printedKey({ process }: ServerProcess): Promise<string> {
  const [, key = ''] = await process.output(/^ +API key +(phk_\w+)$/m);
  return key;
}

/**
 * This process's environment as a new terminal would have it: without settings of Posthorn's, npm's
 * and the test runner's, and without the folders of programs that npm puts in front of the others.
 */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const { PATH = '', ...others } = process.env;
  const kept = Object.entries(others).filter(
    ([name]) => !/^(POSTHORN_|npm_|NODE_ENV$|NODE_TEST_CONTEXT$)/i.test(name),
  );
  const folders = PATH.split(delimiter).filter((folder) => !folder.includes('node_modules'));
  return { ...Object.fromEntries(kept), PATH: folders.join(delimiter) };
}

export interface Api {
  /** The parsed answer; fails unless the status is the wanted one. */
  call(method: string, path: string, wantedStatus: number, body?: unknown): Promise<Answer>;
}

export type Answer = Record<string, unknown>;

export function createApi(url: string, key: string): Api {
  return {
    async call(method, path, wantedStatus, body) {
      const response = await fetch(url + path, {
        method,
        headers: {
          Authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      assert.equal(response.status, wantedStatus, `${method} ${path}: ${text}`);
      return text === '' ? {} : JSON.parse(text);
    },
  };
}
