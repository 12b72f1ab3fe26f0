import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../../server/test/support/postgres/server.ts';
import { until } from '../../../server/test/support/until.ts';
import { RunningProcess } from '../../../server/test/system/support/child-process.ts';
import { cleanUp } from '../../../server/test/system/support/clean-up.ts';
import {
  cleanEnvironment,
  temporaryDirectory,
} from '../../../server/test/system/support/server-process.ts';
import type { Outage } from './outages.ts';
import type { Command, ReceiverProgram } from './programs.ts';
import { type Redis, startRedis } from './redis.ts';

const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));

/** A line of an example's log. */
export interface Logged {
  message: string;
  event_id?: string;
  event_type?: string;
  bytes?: number;
  sha256?: string;
  error?: string;
}

/**
 * One example with its queue. Its processes may be killed and started again: where it listens, what
 * is queued, and what it logged stay.
 */
export class Receiver {
  readonly url: string;
  readonly #t: TestContext;
  readonly #program: ReceiverProgram;
  readonly #set: Installed;
  readonly #processes: RunningProcess[] = [];
  #receiving: RunningProcess | undefined;

  constructor(t: TestContext, program: ReceiverProgram, set: Installed) {
    this.#t = t;
    this.#program = program;
    this.#set = set;
    this.url = `http://127.0.0.1:${set.environment.PORT}`;
  }

  async start(secrets: readonly string[], { works = true } = {}): Promise<void> {
    const environment = {
      ...this.#set.environment,
      WEBHOOK_SECRET: secrets.join(' '),
      WORKER: works ? 'on' : 'off',
    };
    const { worker } = this.#program;
    if (worker !== null && works) this.#launch(worker, environment);
    this.#receiving = this.#launch(this.#set.receives, environment);
    await this.#receiving.output(/^listening on http:\S+$/m);
  }

  /** As a power cut would: nothing can be tidied up. */
  async kill(): Promise<void> {
    for (const each of this.#processes) each.killGroup('SIGKILL');
    for (const each of this.#processes) await each.end();
  }

  get redisUrl(): string {
    return String(this.#set.environment.REDIS_URL);
  }

  /** What gives the queue back. */
  async takeQueue(outage: Outage): Promise<() => Promise<void> | void> {
    const { redis, environment } = this.#set;
    assert.ok(this.#receiving);
    const { pid } = this.#receiving;
    return await outage.begin({ redis, file: String(environment.QUEUE_FILE), pid });
  }

  /** From now on every handler fails, or none. */
  failHandlers(fail: boolean): void {
    const file = String(this.#set.environment.FAILS);
    if (fail) writeFileSync(file, '');
    else rmSync(file);
  }

  /** What was logged so far, by all processes. */
  logged(message: string): Logged[] {
    return this.#processes
      .flatMap(({ stdout }) => stdout.split('\n'))
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Logged)
      .filter((line) => line.message === message);
  }

  /** The lines about an event, as soon as there are so many. */
  async untilLogged(message: string, eventId: string, count = 1): Promise<Logged[]> {
    try {
      return await until(`${message} ${eventId} is logged`, async () => {
        const lines = this.logged(message).filter(({ event_id: id }) => id === eventId);
        return lines.length >= count && lines;
      });
    } catch (cause) {
      const said = this.#processes.map(({ stdout, stderr }) => stdout + stderr).join('\n');
      throw new Error(`${message} ${eventId} was not logged:\n${said}`, { cause });
    }
  }

  #launch(command: Command, environment: NodeJS.ProcessEnv): RunningProcess {
    const launched = new RunningProcess({
      ...command,
      cwd: this.#set.folder,
      environment,
      ownGroup: true,
    });
    this.#processes.push(launched);
    cleanUp(this.#t, async () => {
      launched.killGroup('SIGKILL');
      await launched.end();
    });
    return launched;
  }
}

/** What a receiver is started with. */
interface Installed {
  readonly folder: string;
  readonly receives: Command;
  readonly redis: Redis | undefined;
  readonly environment: NodeJS.ProcessEnv;
}

export async function createReceiver(t: TestContext, program: ReceiverProgram): Promise<Receiver> {
  const directory = temporaryDirectory(t);
  const folder = `${directory}/${basename(program.folder)}`;
  copyProgram(program, folder);
  const redis = program.needsRedis ? await startRedis(t) : undefined;
  return new Receiver(t, program, {
    folder,
    receives: program.prepare(folder),
    redis,
    environment: {
      ...cleanEnvironment(),
      PYTHONDONTWRITEBYTECODE: '1',
      PORT: String(await freePort()),
      QUEUE_FILE: `${directory}/queue`,
      FAILS: `${directory}/fails`,
      ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
    },
  });
}

/** As somebody would who takes the example alone. */
function copyProgram({ folder, failure }: ReceiverProgram, to: string): void {
  cpSync(folder, to, { recursive: true });
  symlinkSync(modules, `${to}/node_modules`);
  const { file, after, line } = failure;
  const [before, ...rest] = readFileSync(`${to}/${file}`, 'utf8').split(after);
  assert.equal(rest.length, 1, `${file} has to have ${JSON.stringify(after)} once`);
  writeFileSync(`${to}/${file}`, `${before}${after}${line}${rest[0]}`);
}
