import type { Dispatcher } from 'undici';
import type { AttemptFailure, AttemptNote } from '../core/model.ts';
import type { Clock, Exchange, OpenExchange } from '../core/ports.ts';
import type { Connection, ConnectionUser, Origin } from './connection.ts';
import type { Connections } from './connections.ts';
import { isBrokenConnection, isOurShortage, sendFailureOf } from './send-failures.ts';

/** A longer body is not read to its end; it changes nothing about the outcome. */
const BODY_BYTES_READ_MAX = 64 * 1024;
const BODY_BYTES_KEPT_MAX = 4 * 1024;
/** Informational responses; a receiver that sends more is playing. */
const INFORMATIONAL_MAX = 16;
const RETRY_AFTER_CHARS_MAX = 64;

const resolved = Promise.resolve();

interface Surroundings {
  connections: Connections;
  clock: Clock;
}

interface Sending {
  origin: Origin;
  request: Dispatcher.DispatchOptions;
}

type Headers = Record<string, string | string[] | undefined>;

/**
 * One exchange, from the request to its single outcome, over one connection or, when a kept one had
 * been closed by the receiver, over a second one. Whatever undici calls here only notes what has come
 * of it: what follows is done when undici has returned, since it cannot be called from within.
 */
export class UndiciExchange implements ConnectionUser, OpenExchange {
  readonly #connections: Connections;
  readonly #clock: Clock;
  readonly #sending: Sending;
  readonly #ended: (exchange: Exchange) => void;
  readonly #written: (() => void) | undefined;
  readonly #startedAt: number;
  #connection: Connection | null = null;
  #hasBegun = false;
  #isSecondTry = false;
  #isProceeding = false;
  #outcome: Exchange | null = null;
  #note: AttemptNote | null = null;
  #status: number | null = null;
  #responseTimeMs = 0;
  #retryAfter: string | null = null;
  #informational = 0;
  #body: Buffer[] | null = null;
  #bodyBytes = 0;

  constructor(
    { connections, clock }: Surroundings,
    sending: Sending,
    ended: (exchange: Exchange) => void,
    written: (() => void) | undefined,
  ) {
    this.#connections = connections;
    this.#clock = clock;
    this.#sending = sending;
    this.#ended = ended;
    this.#written = written;
    this.#startedAt = clock.monotonic();
  }

  begin(): void {
    const connection = this.#connections.take(this.#sending.origin);
    if (connection === null) this.#end({ kind: 'not_sent' });
    else this.#sendOn(connection);
  }

  expire(): void {
    this.#fail('timeout');
  }

  onRequestStart(): void {
    this.#hasBegun = true;
    this.#connection?.requestBegins();
    this.#written?.();
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (this.#outcome !== null) return;
    if (status < 200) {
      this.#informational += 1;
      if (this.#informational >= INFORMATIONAL_MAX) this.#fail('malformed_response');
      return;
    }
    this.#status = status;
    this.#responseTimeMs = this.#clock.monotonic() - this.#startedAt;
    const retryAfter = headers['retry-after'];
    if (retryAfter !== undefined) this.#retryAfter = firstOf(retryAfter);
    if (!this.#connection?.hasUnsent) return;
    this.#note ??= 'early_response';
    this.#connection.useNoMore();
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#outcome !== null) return;
    if (this.#body === null) this.#body = [chunk];
    else if (this.#bodyBytes < BODY_BYTES_KEPT_MAX) this.#body.push(chunk);
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes > BODY_BYTES_READ_MAX) this.#cut();
  }

  onResponseEnd(): void {
    this.#end(this.#response());
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#outcome !== null) return;
    if (this.#mayTryAgain(error)) this.#proceed();
    else if (!isOurShortage(error) || this.#hasBegun) this.#fail(sendFailureOf(error));
    // The first try has been seen by the receiver: that is an attempt.
    else if (this.#note === 'resent') this.#fail('connection_reset');
    else this.#end({ kind: 'not_sent' });
  }

  broke(error: Error): void {
    this.#fail(sendFailureOf(error));
  }

  receivedTooMuch(): void {
    this.#fail('headers_too_large');
  }

  #sendOn(connection: Connection): void {
    this.#connection = connection;
    try {
      connection.dispatch(this.#sending.request, this);
    } catch (error) {
      this.#fail(sendFailureOf(error as Error));
    }
  }

  /** A complete status line and headers decide: what goes wrong afterwards does not count. */
  #fail(failure: AttemptFailure): void {
    if (this.#outcome !== null) return;
    if (this.#status !== null) {
      this.#cut();
    } else {
      this.#end({ kind: 'failure', failure, note: this.#note });
      this.#connection?.cut();
    }
  }

  /** The rest of the body is not waited for. */
  #cut(): void {
    this.#note ??= 'body_cut';
    this.#end(this.#response());
    this.#connection?.cut();
  }

  /**
   * Once, and only when a kept connection was closed before a byte of an answer came: nearly always
   * the receiver closed it as idle while the request was on its way.
   */
  #mayTryAgain(error: Error): boolean {
    const connection = this.#connection;
    if (connection === null || this.#isSecondTry || !isBrokenConnection(error)) return false;
    if (!this.#hasBegun) return connection.isKept;
    return connection.isReused && !connection.hasReceived;
  }

  #end(outcome: Exchange): void {
    if (this.#outcome !== null) return;
    this.#outcome = outcome;
    this.#proceed();
  }

  /** Goes on when undici, and whoever called `send`, have returned. */
  #proceed(): void {
    if (this.#isProceeding) return;
    this.#isProceeding = true;
    void resolved.then(() => {
      this.#isProceeding = false;
      const connection = this.#connection;
      this.#connection = null;
      if (connection !== null) this.#connections.giveBack(connection);
      if (this.#outcome === null) this.#tryAgain();
      else this.#ended(this.#outcome);
    });
  }

  #tryAgain(): void {
    this.#isSecondTry = true;
    // What never left this process is not sent "once more".
    if (this.#hasBegun) this.#note = 'resent';
    this.#hasBegun = false;
    const fresh = this.#connections.takeFresh(this.#sending.origin);
    // Its place is free, since the one before it is closed: there is none only after `close`.
    if (fresh === null) this.#fail('connection_reset');
    else this.#sendOn(fresh);
  }

  #response(): Exchange {
    return {
      kind: 'response',
      status: this.#status ?? 0,
      responseTimeMs: this.#responseTimeMs,
      body: this.#body === null ? '' : textOf(this.#body),
      retryAfter: this.#retryAfter,
      note: this.#note,
    };
  }
}

/** Of what is kept; a character that is cut in two is shown as one that is not known. */
function textOf(chunks: Buffer[]): string {
  const [first] = chunks;
  const bytes = first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
  return bytes.toString('utf8', 0, BODY_BYTES_KEPT_MAX);
}

function firstOf(values: string | string[]): string {
  const first = typeof values === 'string' ? values : (values[0] ?? '');
  return first.slice(0, RETRY_AFTER_CHARS_MAX);
}
