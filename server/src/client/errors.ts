import type { ErrorCode, Fault, Problem } from './types.ts';

/** The server refused the call. */
export class PosthornApiError extends Error {
  readonly status: number;
  /** Permanent; null when the answer was not Posthorn's, but a proxy's for example. */
  readonly code: ErrorCode | null;
  /** Each fault in the request, where there are several or one has a place. */
  readonly faults: readonly Fault[];
  /** Quote it when you ask for help. */
  readonly requestId: string | null;
  /** Seconds after which the call may succeed, if the server said so. */
  readonly retryAfterSeconds: number | null;

  constructor(response: Response, problem: Problem | null) {
    super(problem?.detail ?? `The answer was ${response.status} and no problem document.`);
    this.name = 'PosthornApiError';
    this.status = response.status;
    this.code = problem?.code ?? null;
    this.faults = problem?.errors ?? [];
    this.requestId = response.headers.get('X-Request-Id');
    this.retryAfterSeconds = secondsOf(response.headers.get('Retry-After'));
  }
}

/** There was no whole answer of Posthorn's, also not at the last try. What was asked for may have happened. */
export class PosthornConnectionError extends Error {
  constructor(url: string, cause: unknown) {
    super(`There was no answer from ${url}.`, { cause });
    this.name = 'PosthornConnectionError';
  }
}

function secondsOf(retryAfter: string | null): number | null {
  return retryAfter !== null && /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : null;
}
