import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { freePort } from '../../../server/test/support/postgres/server.ts';
import { RunningProcess } from '../../../server/test/system/support/child-process.ts';
import { cleanUp } from '../../../server/test/system/support/clean-up.ts';
import { temporaryDirectory } from '../../../server/test/system/support/server-process.ts';

export const redisIsThere = spawnSync('redis-server', ['--version']).status === 0;

/** A Redis of its own, which ends with the test. What it has been told stays when it is stopped. */
export class Redis {
  readonly url: string;
  readonly #port: number;
  readonly #directory: string;
  #process: RunningProcess | undefined;

  constructor(port: number, directory: string) {
    this.url = `redis://127.0.0.1:${port}/0`;
    this.#port = port;
    this.#directory = directory;
  }

  async start(): Promise<void> {
    const where = ['--port', String(this.#port), '--bind', '127.0.0.1'];
    this.#process = new RunningProcess({
      command: 'redis-server',
      args: [...where, '--save', '', '--appendonly', 'yes'],
      cwd: this.#directory,
      environment: { PATH: process.env.PATH },
    });
    await this.#process.output(/accept connections/);
  }

  async stop(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#process?.end();
  }

  /** It keeps its connections and takes new ones, but says nothing more. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }
}

export async function startRedis(t: TestContext): Promise<Redis> {
  const redis = new Redis(await freePort(), temporaryDirectory(t));
  cleanUp(t, () => redis.stop());
  await redis.start();
  return redis;
}
