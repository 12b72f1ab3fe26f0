import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { AnswerMessage, CallMessage, Calls, Usage } from './calls.ts';
import { undoAtExit } from './clean-up.ts';

const OUTPUT_CHARS_KEPT_MAX = 8_192;
const ANSWER_LIMIT_MS = 120_000;

export interface Command {
  file: URL;
  args?: readonly string[];
  /** Node's own options. */
  nodeArgs?: readonly string[];
  environment?: NodeJS.ProcessEnv;
}

/** A process of the bench, started and ended by it, which answers `Answered` over its channel. */
export class BenchProcess<Answered extends Calls> implements AsyncDisposable {
  readonly pid: number;
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #forget: () => void;
  readonly #open = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #ended: Promise<unknown>;
  #nextId = 0;
  #output = '';
  #heardOutput: () => void = () => {};

  constructor({ file, args = [], nodeArgs = [], environment = process.env }: Command) {
    this.name = file.pathname.split('/').at(-1) ?? '';
    this.#child = fork(file, args, {
      execArgv: [...nodeArgs],
      env: environment,
      // Typed arrays travel as they are.
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    if (this.#child.pid === undefined) throw new Error(`${this.name} could not be started`);
    this.pid = this.#child.pid;
    this.#forget = undoAtExit(() => this.#child.kill('SIGKILL'));
    this.#ended = once(this.#child, 'exit').then(() => this.#fell());
    this.#child.on('message', (answer) => this.#answered(answer as AnswerMessage));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#said(text));
    }
  }

  async call<Name extends keyof Answered & string>(
    name: Name,
    argument: Parameters<Answered[Name]>[0],
    limitMs = ANSWER_LIMIT_MS,
  ): Promise<Awaited<ReturnType<Answered[Name]>>> {
    return (await this.#ask(name, argument, limitMs)) as Awaited<ReturnType<Answered[Name]>>;
  }

  async usage(): Promise<Usage> {
    return (await this.#ask('usage', undefined, ANSWER_LIMIT_MS)) as Usage;
  }

  /** The first match in what it printed. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    this.#heardOutput = () => {
      const match = pattern.exec(this.#output);
      if (match !== null) {
        this.#heardOutput = () => {};
        resolve(match);
      } else if (this.#hasEnded) {
        reject(this.#failure('ended too early'));
      }
    };
    this.#heardOutput();
    return await this.#inTime(promise, 'print what is waited for', ANSWER_LIMIT_MS);
  }

  /** Asks it to end as an operator would, and insists when it does not. */
  async stop(limitMs: number): Promise<void> {
    if (!this.#hasEnded) this.#child.kill('SIGTERM');
    const insist = setTimeout(() => this.#child.kill('SIGKILL'), limitMs);
    await this.#ended;
    clearTimeout(insist);
    this.#forget();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) this.#child.kill('SIGKILL');
    await this.#ended;
    this.#forget();
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async #ask(name: string, argument: unknown, limitMs: number): Promise<unknown> {
    if (this.#hasEnded) throw this.#failure('has ended');
    const id = this.#nextId++;
    const answer = Promise.withResolvers<unknown>();
    this.#open.set(id, answer);
    this.#child.send({ id, name, argument } satisfies CallMessage);
    return await this.#inTime(answer.promise, `answer "${name}"`, limitMs);
  }

  #answered({ id, value, error }: AnswerMessage): void {
    const answer = this.#open.get(id);
    this.#open.delete(id);
    if (error === undefined) answer?.resolve(value);
    else answer?.reject(new Error(`${this.name}: ${error}`));
  }

  async #inTime<Value>(promise: Promise<Value>, what: string, limitMs: number): Promise<Value> {
    const late = Promise.withResolvers<never>();
    const limit = setTimeout(() => {
      late.reject(this.#failure(`did not ${what} within ${limitMs / 1_000} s`));
    }, limitMs);
    try {
      return await Promise.race([promise, late.promise]);
    } finally {
      clearTimeout(limit);
    }
  }

  #fell(): void {
    for (const answer of this.#open.values()) answer.reject(this.#failure('ended too early'));
    this.#open.clear();
    this.#heardOutput();
  }

  #said(text: string): void {
    this.#output = (this.#output + text).slice(-OUTPUT_CHARS_KEPT_MAX);
    this.#heardOutput();
  }

  #failure(what: string): Error {
    return new Error(`${this.name} ${what}. It said:\n${this.#output}`);
  }
}
