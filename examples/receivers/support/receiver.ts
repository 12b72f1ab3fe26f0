import type { TestContext } from 'node:test';
import { freePort } from '../../../server/test/support/postgres/server.ts';
import { until } from '../../../server/test/support/until.ts';
import { RunningProcess } from '../../../server/test/system/support/child-process.ts';
import { cleanUp } from '../../../server/test/system/support/clean-up.ts';
import {
  cleanEnvironment,
  temporaryDirectory,
} from '../../../server/test/system/support/server-process.ts';
import type { Command, ReceiverProgram } from './programs.ts';
import { startRedis } from './redis.ts';

/** A line of an example's log. */
export interface Logged {
  message: string;
  event_id?: string;
  event_type?: string;
  bytes?: number;
  sha256?: string;
}

/**
 * One example with its queue. Its processes may be killed and started again: where it listens, what
 * is queued, and what it logged stay.
 */
export class Receiver {
  readonly url: string;
  readonly #t: TestContext;
  readonly #program: ReceiverProgram;
  readonly #receives: Command;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #processes: RunningProcess[] = [];

  constructor(
    t: TestContext,
    program: ReceiverProgram,
    { receives, environment }: { receives: Command; environment: NodeJS.ProcessEnv },
  ) {
    this.#t = t;
    this.#program = program;
    this.#receives = receives;
    this.#environment = environment;
    this.url = `http://127.0.0.1:${environment.PORT}`;
  }

  async start(secrets: readonly string[], { works = true } = {}): Promise<void> {
    const environment = {
      ...this.#environment,
      WEBHOOK_SECRET: secrets.join(' '),
      WORKER: works ? 'on' : 'off',
    };
    const { worker } = this.#program;
    if (worker !== null && works) this.#launch(worker, environment);
    await this.#launch(this.#receives, environment).output(/^listening on http:\S+$/m);
  }

  /** As a power cut would: nothing can be tidied up. */
  async kill(): Promise<void> {
    for (const each of this.#processes) each.killGroup('SIGKILL');
    for (const each of this.#processes) await each.end();
  }

  /** What was logged so far, by all processes. */
  logged(message: string): Logged[] {
    return this.#processes
      .flatMap(({ stdout }) => stdout.split('\n'))
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Logged)
      .filter((line) => line.message === message);
  }

  /** The lines about an event, as soon as there is one. */
  async untilLogged(message: string, eventId: string): Promise<Logged[]> {
    try {
      return await until(`${message} ${eventId} is logged`, async () => {
        const lines = this.logged(message).filter(({ event_id: id }) => id === eventId);
        return lines.length > 0 && lines;
      });
    } catch (cause) {
      const said = this.#processes.map(({ stdout, stderr }) => stdout + stderr).join('\n');
      throw new Error(`${message} ${eventId} was not logged:\n${said}`, { cause });
    }
  }

  #launch(command: Command, environment: NodeJS.ProcessEnv): RunningProcess {
    const launched = new RunningProcess({
      ...command,
      cwd: this.#program.folder,
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

export async function createReceiver(t: TestContext, program: ReceiverProgram): Promise<Receiver> {
  const directory = temporaryDirectory(t);
  return new Receiver(t, program, {
    receives: program.prepare(directory),
    environment: {
      ...cleanEnvironment(),
      PYTHONDONTWRITEBYTECODE: '1',
      PORT: String(await freePort()),
      QUEUE_FILE: `${directory}/queue`,
      ...(program.needsRedis ? { REDIS_URL: await startRedis(t) } : {}),
    },
  });
}
