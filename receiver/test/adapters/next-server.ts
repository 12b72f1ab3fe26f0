// A real Next.js: `next-app` with the package as it is published, built for production and served
// over a socket. Its packages take 350 MB, so they are no dependency of this repository: they are
// installed beside the app by its own lock file when they are tested for the first time.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { buildReceiver } from '../../../scripts/build-receiver.ts';
import type { RequestReceiver } from '../../src/index.ts';
import { type Listening, listen } from './running.ts';

const dir = fileURLToPath(new URL('next-app/', import.meta.url));
const lock = `${dir}package-lock.json`;
const installedLock = `${dir}node_modules/.installed.json`;

const MS_MAX = 100_000;
const environment = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' };

/** Once per change of the lock file; what is missing, or null when it can be built. */
export function installNext(): string | null {
  if (existsSync(installedLock) && readFileSync(installedLock).equals(readFileSync(lock)))
    return null;
  console.error('Installing Next.js (once; the next run skips this) …');
  const { npm_execpath } = process.env;
  const [command = '', ...args] = npm_execpath ? [process.execPath, npm_execpath] : ['npm'];
  const flags = [
    'ci',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--loglevel=error',
    '--fetch-retries=1',
  ];
  const { status, stderr } = spawnSync(command, [...args, ...flags], {
    cwd: dir,
    encoding: 'utf8',
    timeout: MS_MAX,
    env: { ...process.env, npm_config_include: 'optional', npm_config_omit: '' },
  });
  if (status !== 0) return `Next.js could not be installed: ${stderr}`;
  copyFileSync(lock, installedLock);
  return null;
}

/** Fails when the types of a route are not what Next.js wants of it. */
export function buildNext(): void {
  buildReceiver(`${dir}node_modules/@posthorn/receiver`);
  execFileSync(process.execPath, [`${dir}node_modules/next/dist/bin/next`, 'build'], {
    cwd: dir,
    env: environment,
    timeout: MS_MAX,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

interface NextServer {
  prepare(): Promise<void>;
  getRequestHandler(): RequestListener;
  close(): Promise<void>;
}
type Next = (options: { dir: string; dev: boolean }) => NextServer;

/** In this process, so that its routes call the receiver of `receiveWith`. */
export async function serveNext(): Promise<Listening> {
  Object.assign(process.env, environment);
  const next: Next = createRequire(dir)('next');
  const app = next({ dir, dev: false });
  await app.prepare();
  const { url, stop } = await listen(app.getRequestHandler());
  return { url, stop: () => app.close().then(stop) };
}

export function receiveWith(receiver: RequestReceiver): void {
  Object.assign(globalThis, { receiver });
}
