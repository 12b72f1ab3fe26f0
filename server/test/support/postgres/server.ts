import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findBinaries, type SystemUser, systemUser } from './binaries.ts';

export interface PostgresServer {
  /** Of the database `postgres`; its role may do everything. */
  url: string;
  /** Ends it as an operator does, connections and all, and starts it again at the same address. */
  restart(whileItIsDown?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
  /** It holds this process back no longer, and ends and is removed with it. */
  leaveToExit(): void;
}

/**
 * Ends with whoever started it: a shell waits for its standard input to close, and that happens when
 * this process dies, however it dies.
 */
const UNTIL_INPUT_ENDS = '"$@" & child=$!; cat >/dev/null; kill -INT "$child"; wait "$child"';

const READY = 'database system is ready to accept connections';
const STARTING = 'the database system is starting up';

export interface PostgresOptions {
  directory?: string;
  /**
   * Whether it syncs as it does by default. Otherwise it does not: what most tests are about is what is
   * stored and in which order, not what a power failure leaves.
   */
  syncs?: boolean;
  /** More of its settings, `name=value`. */
  settings?: readonly string[];
}

/** A server of its own on a free port of the loopback. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const { directory = tmpdir(), syncs = false } = options;
  const folder = mkdtempSync(join(directory, 'posthorn-postgres-'));
  const user = systemUser();
  const { initdb, postgres } = findBinaries(folder, user);
  const data = join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  for (const path of [folder, data]) giveTo(path, user);
  execFileSync(
    initdb,
    [`--pgdata=${data}`, '--username=posthorn', '--auth=trust', '--no-sync', '--encoding=UTF8'],
    { ...user, stdio: ['ignore', 'ignore', 'pipe'], env: environment() },
  );
  const port = await freePort();
  const settings = [
    ...(syncs ? [] : ['fsync=off', 'full_page_writes=off']),
    ...(options.settings ?? []),
    'max_connections=200',
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
  ].flatMap((setting) => ['-c', setting]);
  const command = [postgres, '-D', data, '-p', String(port), ...settings];
  const launch = async () => {
    const launched = spawn('sh', ['-c', UNTIL_INPUT_ENDS, 'sh', ...command], {
      ...user,
      stdio: ['pipe', 'ignore', 'pipe'],
      env: environment(),
    });
    await untilReady(launched);
    return launched;
  };
  let running = await launch();
  const halt = async () => {
    const ended = once(running, 'exit');
    running.stdin?.end();
    await ended;
  };
  return {
    url: `postgres://posthorn@127.0.0.1:${port}/postgres`,
    async restart(whileItIsDown) {
      await halt();
      await whileItIsDown?.();
      running = await launch();
    },
    async stop() {
      await halt();
      rmSync(folder, { recursive: true });
    },
    leaveToExit() {
      running.unref();
      for (const stream of [running.stdin, running.stderr]) (stream as Socket | null)?.unref();
      process.once('exit', () => {
        endAndWait(postmasterOf(data));
        rmSync(folder, { recursive: true, force: true });
      });
    },
  };
}

/** The server's own process: the shell that started it is not it. */
function postmasterOf(data: string): number {
  return Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
}

const END_MS_MAX = 5_000;
const LOOK_MS = 10;

/** Where nothing can be awaited any more. It writes into its folder until its very end. */
function endAndWait(postmaster: number): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  process.kill(postmaster, 'SIGQUIT');
  for (let waitedMs = 0; waitedMs < END_MS_MAX && isRunning(postmaster); waitedMs += LOOK_MS) {
    Atomics.wait(clock, 0, 0, LOOK_MS);
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function giveTo(path: string, { uid, gid }: SystemUser): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
}

/** Nothing of this process's settings for clients (`PG…`), and messages in the language looked for. */
function environment() {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
}

/** Of the loopback; nobody has it at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a port has a number');
  return address.port;
}

/** Its log is read to the end of its life, so that it never waits for a reader. */
async function untilReady(process: ChildProcess): Promise<void> {
  if (process.stderr === null) throw new Error('its log is read');
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const said: string[] = [];
  createInterface(process.stderr).on('line', (line) => {
    if (line.includes(READY)) resolve();
    if (said.push(line) > 50) said.shift();
    // Clients that come while it starts are refused in the log too, and that means nothing.
    if (!line.includes('FATAL') || line.includes(STARTING)) return;
    reject(new Error(`PostgreSQL did not start: ${said.join('\n')}`));
  });
  await promise;
}
