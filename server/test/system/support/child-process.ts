import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Command {
  command: string;
  args: readonly string[];
  cwd?: string;
  environment: NodeJS.ProcessEnv;
  /** In a process group of its own, as a shell runs what is typed: `killGroup` reaches all of it. */
  ownGroup?: boolean;
}

/** How long a line of output or the end of a process is waited for. */
const WAIT_MS_MAX = 30_000;

/** A test file that is interrupted undoes nothing: what it started ends with it all the same. */
const running = new Set<RunningProcess>();
process.once('exit', () => {
  for (const each of running) each.kill('SIGKILL');
});
process.once('SIGTERM', () => process.exit(128 + constants.signals.SIGTERM));

/** A real process, its output kept as text. */
export class RunningProcess {
  readonly pid: number;
  /** Fulfilled when it has ended and all its output has been read. */
  readonly exited: Promise<Exit>;
  stdout = '';
  stderr = '';
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #hasExited = false;
  #heard: (() => void)[] = [];

  constructor({ command, args, cwd, environment, ownGroup = false }: Command) {
    this.#child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment,
      detached: ownGroup,
      ...(cwd === undefined ? {} : { cwd }),
    });
    const { pid, stdout, stderr } = this.#child;
    if (pid === undefined) throw new Error(`${command} could not be started`);
    this.pid = pid;
    running.add(this);
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        this.#hasExited = true;
        running.delete(this);
        resolve({ code, signal });
        this.#tell();
      });
    });
    stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#tell();
    });
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#tell();
    });
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.#hasExited) this.#child.kill(signal);
  }

  /** For a process that was started in a group of its own. */
  killGroup(signal: NodeJS.Signals): void {
    if (!this.#hasExited) process.kill(-this.pid, signal);
  }

  /** The first place on standard output that fits; refused when the process ends without it. */
  async output(pattern: RegExp, msMax = WAIT_MS_MAX): Promise<RegExpExecArray> {
    const deadline = new Deadline(msMax, () => this.#report(`did not print ${pattern}`));
    try {
      for (;;) {
        const found = pattern.exec(this.stdout);
        if (found !== null) return found;
        if (this.#hasExited) throw this.#report(`ended without printing ${pattern}`);
        await deadline.race(new Promise<void>((resolve) => this.#heard.push(resolve)));
      }
    } finally {
      deadline.cancel();
    }
  }

  /** How it ended; refused when it goes on. */
  async end(msMax = WAIT_MS_MAX): Promise<Exit> {
    const deadline = new Deadline(msMax, () => this.#report('did not end'));
    try {
      return await deadline.race(this.exited);
    } finally {
      deadline.cancel();
    }
  }

  #tell(): void {
    const heard = this.#heard;
    this.#heard = [];
    for (const each of heard) each();
  }

  #report(what: string): Error {
    return new Error(`The process ${what}.\nstdout:\n${this.stdout}\nstderr:\n${this.stderr}`);
  }
}

/** One limit over several waits. */
class Deadline {
  readonly #passed: Promise<never>;
  readonly #timer: NodeJS.Timeout;

  constructor(msMax: number, error: () => Error) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.#passed = promise;
    this.#timer = setTimeout(() => reject(error()), msMax);
  }

  race<Value>(wanted: Promise<Value>): Promise<Value> {
    return Promise.race([wanted, this.#passed]);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}
