import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Usage } from './calls.ts';
import { BenchProcess } from './child-process.ts';
import { undoAtExit } from './clean-up.ts';

const CLI = new URL('../../server/src/cli/index.ts', import.meta.url);
const BESIDE = new URL('./beside-server.ts', import.meta.url);
const SERVING = /serving at (http:\S+)/;
const STOP_LIMIT_MS = 30_000;

export interface ServerOptions {
  /** Where its data directory is made; it is removed at the end. */
  directory: string;
  /** Further options of Node, to profile it for example. */
  nodeArgs?: readonly string[] | undefined;
}

/** A real `posthorn serve` on a data file of its own. */
export class ServerProcess implements AsyncDisposable {
  readonly url: string;
  readonly apiKey: string;
  readonly #process: BenchProcess<Record<never, never>>;
  readonly #dataDir: string;
  readonly #removeData: () => void;

  private constructor(
    process: BenchProcess<Record<never, never>>,
    at: { url: string; apiKey: string; dataDir: string; removeData: () => void },
  ) {
    this.#process = process;
    this.url = at.url;
    this.apiKey = at.apiKey;
    this.#dataDir = at.dataDir;
    this.#removeData = at.removeData;
  }

  static async start({ directory, nodeArgs = [] }: ServerOptions): Promise<ServerProcess> {
    const dataDir = mkdtempSync(join(directory, 'posthorn-bench-'));
    const removeData = undoAtExit(() => rmSync(dataDir, { recursive: true, force: true }));
    const apiKey = randomBytes(32).toString('hex');
    const process = new BenchProcess<Record<never, never>>({
      file: CLI,
      args: ['serve'],
      nodeArgs: [...nodeArgs, `--import=${BESIDE.href}`],
      environment: environment({ dataDir, apiKey }),
    });
    try {
      const [, url = ''] = await process.printed(SERVING);
      return new ServerProcess(process, { url, apiKey, dataDir, removeData });
    } catch (error) {
      await process[Symbol.asyncDispose]();
      removeData();
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

  /** Subscribed to everything. */
  async createWebhook(url: string): Promise<void> {
    const answer = await fetch(`${this.url}/v1/webhooks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ url, events: ['*'] }),
    });
    if (answer.status !== 201) throw new Error(`a webhook was refused: ${await answer.text()}`);
  }

  /** Drains it, and counts what is in its data file by status. */
  async stopAndCount(): Promise<Record<string, number>> {
    await this.#process.stop(STOP_LIMIT_MS);
    const db = new DatabaseSync(join(this.#dataDir, 'posthorn.db'), { readOnly: true });
    try {
      const rows = db.prepare('select status, count(*) as n from deliveries group by status').all();
      return Object.fromEntries(rows.map(({ status, n }) => [String(status), Number(n)]));
    } finally {
      db.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    this.#removeData();
  }
}

/** Settings of whoever runs the bench would be settings of the server. */
function environment(of: { dataDir: string; apiKey: string }): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('POSTHORN_'));
  return {
    ...Object.fromEntries(others),
    POSTHORN_DATA_DIR: of.dataDir,
    POSTHORN_HOST: '127.0.0.1',
    POSTHORN_PORT: '0',
    POSTHORN_ROOT_KEY: of.apiKey,
    POSTHORN_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    POSTHORN_ALLOW_NETWORKS: '127.0.0.0/8',
    POSTHORN_ALLOW_HTTP: 'true',
  };
}
