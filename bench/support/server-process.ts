import { randomBytes } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import { ApiClient } from './api-client.ts';
import type { Usage } from './calls.ts';
import { BenchProcess } from './child-process.ts';
import { copyDataDir, countDeliveries, type DataDir, makeDataDir } from './data-dir.ts';
import { monotonicMs } from './monotonic.ts';
import type { BenchDatabase } from './postgres.ts';

const CLI = new URL('../../server/src/cli/index.ts', import.meta.url);
const BESIDE = new URL('./beside-server.ts', import.meta.url);
const SERVING = /serving at (http:\S+)/;
const STOP_LIMIT_MS = 30_000;
const READY_LIMIT_MS = 60_000;
const READY_POLL_MS = 5;

export interface ServerOptions {
  /** Where its data directory is made; it is removed at the end. */
  directory: string;
  /** It begins with a copy of this one, which stays as it is. */
  copyOf?: DataDir | undefined;
  /** Where it keeps everything instead of in its data directory. */
  database?: BenchDatabase | undefined;
  /** Beyond those of every run: `POSTHORN_…`. */
  settings?: Readonly<Record<string, string>> | undefined;
  /** Further options of Node, to profile it for example. */
  nodeArgs?: readonly string[] | undefined;
}

type Running = BenchProcess<Record<never, never>>;

/** A real `posthorn serve` on a data file of its own. */
export class ServerProcess implements AsyncDisposable {
  readonly url: string;
  readonly apiKey: string;
  readonly api: ApiClient;
  /** From its start as a process until it said that it is ready. */
  readonly readyMs: number;
  readonly #process: Running;
  readonly #data: DataDir;
  readonly #database: BenchDatabase | undefined;

  private constructor(process: Running, of: Started) {
    this.#process = process;
    this.#data = of.data;
    this.#database = of.database;
    this.url = of.url;
    this.apiKey = of.apiKey;
    this.api = of.api;
    this.readyMs = of.readyMs;
  }

  static async start(options: ServerOptions): Promise<ServerProcess> {
    const { directory, copyOf, database } = options;
    const data = copyOf === undefined ? makeDataDir(directory) : copyDataDir(copyOf, directory);
    const apiKey = randomBytes(32).toString('hex');
    const beganAt = monotonicMs();
    const process: Running = new BenchProcess({
      file: CLI,
      args: ['serve'],
      nodeArgs: [...(options.nodeArgs ?? []), `--import=${BESIDE.href}`],
      environment: environment({
        data,
        apiKey,
        settings: {
          ...(database === undefined ? {} : { POSTHORN_DATABASE_URL: database.url }),
          ...options.settings,
        },
      }),
    });
    try {
      const [, url = ''] = await process.printed(SERVING);
      const api = new ApiClient(url, apiKey);
      await untilReady(api);
      const readyMs = monotonicMs() - beganAt;
      return new ServerProcess(process, { url, apiKey, api, data, database, readyMs });
    } catch (error) {
      await process[Symbol.asyncDispose]();
      data[Symbol.dispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#process.pid;
  }

  get eventsUrl(): string {
    return `${this.url}/v1/events`;
  }

  async usage(): Promise<Usage> {
    return await this.#process.usage();
  }

  /** Drains it. Its data is there until the end. */
  async stop(): Promise<DataDir> {
    await this.#process.stop(STOP_LIMIT_MS);
    return this.#data;
  }

  /** Drains it, and counts what it keeps by status. */
  async stopAndCount(): Promise<Record<string, number>> {
    const data = await this.stop();
    return (await this.#database?.countDeliveries()) ?? countDeliveries(data);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    this.#data[Symbol.dispose]();
  }
}

interface Started {
  url: string;
  apiKey: string;
  api: ApiClient;
  data: DataDir;
  database: BenchDatabase | undefined;
  readyMs: number;
}

async function untilReady(api: ApiClient): Promise<void> {
  const endAt = monotonicMs() + READY_LIMIT_MS;
  while (!(await api.isReady())) {
    if (monotonicMs() > endAt) throw new Error('the server did not become ready');
    await after(READY_POLL_MS);
  }
}

/** Settings of whoever runs the bench would be settings of the server. */
function environment(of: {
  data: DataDir;
  apiKey: string;
  settings: Readonly<Record<string, string>>;
}): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('POSTHORN_'));
  return {
    ...Object.fromEntries(others),
    POSTHORN_DATA_DIR: of.data.path,
    POSTHORN_HOST: '127.0.0.1',
    POSTHORN_PORT: '0',
    POSTHORN_ROOT_KEY: of.apiKey,
    POSTHORN_ENCRYPTION_KEY: of.data.encryptionKey,
    POSTHORN_ALLOW_NETWORKS: '127.0.0.0/8',
    POSTHORN_ALLOW_HTTP: 'true',
    ...of.settings,
  };
}
