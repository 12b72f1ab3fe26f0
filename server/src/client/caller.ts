import { PosthornApiError, PosthornConnectionError } from './errors.ts';
import type { Problem } from './types.ts';

export interface ClientOptions {
  /** Where the server is, such as `https://webhooks.example.com`; without `/v1`. */
  baseUrl: string;
  apiKey: string;
  /** How often a call is sent again that had no answer, or one that asks for it; 3 when it is not given. */
  retriesMax?: number;
  /** For one try, its whole answer included; 30,000 when it is not given. */
  timeoutMs?: number;
  /** Another `fetch`, for example with a proxy. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** How a pause before the next try is spent; rejects when the signal is aborted. For tests. */
  wait?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

export interface CallOptions {
  signal?: AbortSignal;
  /**
   * For calls that are a POST: the same key again gets the first answer again. One is made for each call
   * when it is not given, so that a retry within the call never does things twice.
   */
  idempotencyKey?: string;
}

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Readonly<Record<string, string | number | undefined>>;
  body?: unknown;
  options?: CallOptions | undefined;
}

/** Sends a call, as often as it takes, and answers with the answer's text. */
export type Caller = (call: Call) => Promise<string>;

const RETRIES_MAX = 3;
const TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 500;
const PAUSE_MS_MAX = 8_000;
/** Whoever is told to wait for longer had better hear of it. */
const RETRY_AFTER_SECONDS_MAX = 60;
/** 502 and 504 come from what stands between. */
const RETRIED_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Every method may be sent again: a POST has a key, and of the others a second one does no harm. */
export function createCaller({
  baseUrl,
  apiKey,
  retriesMax = RETRIES_MAX,
  timeoutMs = TIMEOUT_MS,
  fetch: send = (url, init) => fetch(url, init),
  wait = pause,
}: ClientOptions): Caller {
  const base = baseUrl.replace(/\/+$/, '');

  return async (call) => {
    const { signal } = call.options ?? {};
    const url = base + call.path + queryOf(call.query);
    const init = requestOf(call, apiKey);
    for (let retries = 0; ; retries += 1) {
      const outcome = await tryOnce(url, { ...init, signal: limited(signal, timeoutMs) });
      if (typeof outcome === 'string') return outcome;
      signal?.throwIfAborted();
      if (isDeletedBefore(outcome, call, retries)) return '';
      const pauseMs = retries < retriesMax ? pauseBefore(retries, outcome) : null;
      if (pauseMs === null) throw outcome;
      await wait(pauseMs, signal);
    }
  };

  async function tryOnce(url: string, init: RequestInit): Promise<string | Failure> {
    try {
      const response = await send(url, init);
      const text = await response.text();
      return response.ok ? text : new PosthornApiError(response, problemOf(response, text));
    } catch (error) {
      return new PosthornConnectionError(url, error);
    }
  }
}

type Failure = PosthornApiError | PosthornConnectionError;

function requestOf({ method, body, options }: Call, apiKey: string): RequestInit {
  const headers: Record<string, string> = { Authorization: `Bearer ${apiKey}` };
  if (method === 'POST') headers['Idempotency-Key'] = options?.idempotencyKey ?? newKey();
  if (body === undefined) return { method, headers };
  headers['Content-Type'] = 'application/json';
  return { method, headers, body: JSON.stringify(body) };
}

function queryOf(query: Call['query'] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters}`;
}

/** Not `randomUUID`: browsers have that on secure pages only. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function limited(signal: AbortSignal | undefined, timeoutMs: number): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

function problemOf(response: Response, text: string): Problem | null {
  if (!response.headers.get('Content-Type')?.startsWith('application/problem+json')) return null;
  return JSON.parse(text);
}

/** What an earlier try of the same call deleted is gone at the next. */
function isDeletedBefore(failure: Failure, { method }: Call, retries: number): boolean {
  return (
    method === 'DELETE' &&
    retries > 0 &&
    failure instanceof PosthornApiError &&
    failure.code === 'not_found'
  );
}

/** Milliseconds until the next try; null when there is none. */
function pauseBefore(retries: number, failure: Failure): number | null {
  // From nothing up: callers that failed together do not come back together.
  const ownMs = Math.random() * Math.min(FIRST_PAUSE_MS * 2 ** retries, PAUSE_MS_MAX);
  if (failure instanceof PosthornConnectionError) return ownMs;
  const { status, code, retryAfterSeconds } = failure;
  if (!RETRIED_STATUSES.has(status) && code !== 'idempotency_in_progress') return null;
  if (retryAfterSeconds === null) return ownMs;
  return retryAfterSeconds > RETRY_AFTER_SECONDS_MAX ? null : retryAfterSeconds * 1_000 + ownMs;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', aborted);
      resolve();
    }, ms);
    if (signal?.aborted) aborted();
    else signal?.addEventListener('abort', aborted, { once: true });
  });
}
