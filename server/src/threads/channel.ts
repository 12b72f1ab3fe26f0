import { type ErrorCode, PosthornError } from '../core/errors.ts';
import { Numbered } from './numbered.ts';

/** What messages travel over: a message port between threads, or what is between two processes. */
export interface Port {
  on(event: 'message', heard: (message: unknown) => void): unknown;
  postMessage(message: unknown): void;
}

/**
 * Calls between threads over a port, many in one message: what is called or answered within one turn of
 * the event loop travels together, since a message costs more than what is in it. Both ends of a port
 * may call.
 */
export interface Caller<Call> {
  call(call: Call): Promise<unknown>;
  /** Calls that have no answer yet. */
  waiting(): number;
}

export type Answer = { ok: true; value: unknown } | { ok: false; error: Error };

type Message<Call> =
  | { kind: 'calls'; calls: [id: number, call: Call][] }
  | { kind: 'answers'; answers: [id: number, answer: SentAnswer][] }
  | { kind: 'news'; news: unknown };

type SentAnswer = { ok: true; value: unknown } | { ok: false; error: SentError };

/** Errors lose their members when they are cloned, so they travel as plain values. */
interface SentError {
  name: string;
  message: string;
  stack: string | undefined;
  code: ErrorCode | null;
  retryAfterSeconds: number | undefined;
}

/** The calling end. `heard` gets what the other end tells without being asked. */
export function createCaller<Call>(
  port: Port,
  heard: (news: unknown) => void = () => {},
): Caller<Call> {
  const open = new Numbered<PromiseWithResolvers<unknown>>();
  let calls: [number, Call][] = [];

  port.on('message', (arrived) => {
    const message = arrived as Message<Call>;
    if (message.kind === 'news') heard(message.news);
    if (message.kind === 'answers') {
      for (const [id, answer] of message.answers) {
        const settle = open.take(id);
        if (answer.ok) settle?.resolve(answer.value);
        else settle?.reject(received(answer.error));
      }
    }
  });

  return {
    call(call) {
      const settle = Promise.withResolvers<unknown>();
      const id = open.add(settle);
      if (calls.push([id, call]) === 1) setImmediate(send);
      return settle.promise;
    },
    waiting: () => open.size,
  };

  function send(): void {
    port.postMessage({ kind: 'calls', calls } satisfies Message<Call>);
    calls = [];
  }
}

export interface Answering {
  /** Tells the other end something that it did not ask for; it arrives before later answers. */
  tell(news: unknown): void;
}

/** The answering end: `receive` gets each call and answers it when it likes. */
export function answerCalls<Call>(
  port: Port,
  receive: (call: Call, answer: (answer: Answer) => void) => void,
): Answering {
  let answers: [number, SentAnswer][] = [];

  port.on('message', (arrived) => {
    const message = arrived as Message<Call>;
    if (message.kind !== 'calls') return;
    for (const [id, call] of message.calls) {
      receive(call, (answer) => {
        if (answers.push([id, sent(answer)]) === 1) queueMicrotask(send);
      });
    }
  });

  return {
    tell: (news) => port.postMessage({ kind: 'news', news } satisfies Message<Call>),
  };

  function send(): void {
    port.postMessage({ kind: 'answers', answers } satisfies Message<Call>);
    answers = [];
  }
}

/** For calls that are promises anyway. */
export async function answerWith(
  work: () => Promise<unknown>,
  answer: (answer: Answer) => void,
): Promise<void> {
  try {
    answer({ ok: true, value: await work() });
  } catch (error) {
    answer({ ok: false, error: error as Error });
  }
}

function sent(answer: Answer): SentAnswer {
  if (answer.ok) return answer;
  const { name, message, stack } = answer.error;
  const known = answer.error instanceof PosthornError ? answer.error : null;
  const code = known?.code ?? null;
  return {
    ok: false,
    error: { name, message, stack, code, retryAfterSeconds: known?.retryAfterSeconds },
  };
}

function received({ name, message, stack, code, retryAfterSeconds }: SentError): Error {
  if (code !== null) {
    return new PosthornError(
      code,
      message,
      retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
    );
  }
  const error = new Error(message);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}
