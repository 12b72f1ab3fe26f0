import { Agent, type Dispatcher, errors } from 'undici';
import type { AttemptFailure } from '../core/model.ts';
import type { AddressPolicy, Clock, Exchange, OpenExchange, Transport } from '../core/ports.ts';
import { createGuardedConnector } from './connect-guard.ts';

const HEADER_BYTES_MAX = 16_384;
/** A longer body is not read to its end; it changes nothing about the outcome. */
const BODY_BYTES_READ_MAX = 64 * 1024;
const BODY_BYTES_KEPT_MAX = 4 * 1024;
/** Informational responses; a receiver that sends more is playing. */
const INFORMATIONAL_MAX = 16;
const KEEP_ALIVE_MS = 4_000;
const KEEP_ALIVE_HINT_MAX_MS = 10_000;

/**
 * Sends with undici's `dispatch`: no redirects, no decompression, no interceptors, HTTP/1.1. Its own
 * timers are off, since they start again with each byte; the engine's deadline covers the whole.
 */
export function createUndiciTransport(
  ports: { addresses: AddressPolicy; clock: Clock },
  options: { connectTimeoutMs: number },
): Transport {
  const agent = new Agent({
    connect: createGuardedConnector(ports.addresses, options),
    allowH2: false,
    pipelining: 1,
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_HINT_MAX_MS,
  });

  return {
    send({ url, headers, body }, ended) {
      const handler = new ExchangeHandler(ports.clock, ended);
      agent.dispatch(
        {
          origin: url.origin,
          path: url.pathname + url.search,
          method: 'POST',
          headers: headers as string[],
          body,
        },
        handler,
      );
      handler.hasBegun();
      return handler;
    },
    close: () => agent.destroy(),
  };
}

/** One exchange, from the request to its single outcome. */
class ExchangeHandler implements Dispatcher.DispatchHandler, OpenExchange {
  readonly #ended: (exchange: Exchange) => void;
  readonly #clock: Clock;
  readonly #startedAt: number;
  #begun = false;
  #outcome: Exchange | null = null;
  #controller: Dispatcher.DispatchController | null = null;
  #status: number | null = null;
  #responseTimeMs = 0;
  #informational = 0;
  #body: Buffer[] = [];
  #bodyBytes = 0;

  constructor(clock: Clock, ended: (exchange: Exchange) => void) {
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
    this.#ended = ended;
  }

  /** `send` returns now: from here on the outcome may be told. */
  hasBegun(): void {
    this.#begun = true;
    const outcome = this.#outcome;
    if (outcome !== null) queueMicrotask(() => this.#ended(outcome));
  }

  expire(): void {
    this.#finish({ kind: 'failure', failure: 'timeout', note: null });
    this.#controller?.abort(new Error('the deadline has passed'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It expired while the connection was being made: nothing is written.
    if (this.#outcome !== null) controller.abort(new Error('the deadline has passed'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) {
      this.#informational += 1;
      if (this.#informational < INFORMATIONAL_MAX) return;
      this.#finish({ kind: 'failure', failure: 'malformed_response', note: null });
      controller.abort(new Error('too many informational responses'));
      return;
    }
    this.#status = status;
    this.#responseTimeMs = this.#clock.monotonic() - this.#startedAt;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#bodyBytes < BODY_BYTES_KEPT_MAX) this.#body.push(chunk);
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes <= BODY_BYTES_READ_MAX) return;
    this.#finish(null);
    controller.abort(new Error('the rest of the body is not read'));
  }

  onResponseEnd(): void {
    this.#finish(null);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#finish({ kind: 'failure', failure: failureOf(error), note: null });
  }

  /** A complete status line and headers decide: what goes wrong afterwards does not count. */
  #finish(failure: Exchange | null): void {
    if (this.#outcome !== null) return;
    if (this.#status !== null) {
      const bytes = Buffer.concat(this.#body).subarray(0, BODY_BYTES_KEPT_MAX);
      this.#outcome = {
        kind: 'response',
        status: this.#status,
        responseTimeMs: this.#responseTimeMs,
        body: bytes.toString('utf8'),
        retryAfter: null,
        note: null,
      };
    } else {
      this.#outcome = failure ?? { kind: 'failure', failure: 'malformed_response', note: null };
    }
    if (this.#begun) this.#ended(this.#outcome);
  }
}

const FAILURES: Record<string, AttemptFailure> = {
  POSTHORN_BLOCKED: 'blocked',
  ENOTFOUND: 'dns_failed',
  EAI_AGAIN: 'dns_failed',
  EAI_FAIL: 'dns_failed',
  EAI_NODATA: 'dns_failed',
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  EPIPE: 'connection_reset',
  UND_ERR_SOCKET: 'connection_reset',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  ETIMEDOUT: 'timeout',
  UND_ERR_HEADERS_OVERFLOW: 'headers_too_large',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'malformed_response',
  EPROTO: 'tls_failed',
};

const TLS_CODE = /^(ERR_(TLS|SSL)_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/;

function failureOf(error: Error & { code?: string }): AttemptFailure {
  const code = error.code ?? '';
  const known = FAILURES[code];
  if (known !== undefined) return known;
  // Not every error of undici's parser has a code.
  if (error instanceof errors.HTTPParserError) return 'malformed_response';
  return TLS_CODE.test(code) ? 'tls_failed' : 'connection_failed';
}
