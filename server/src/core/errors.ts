/**
 * Every error that a caller of Posthorn can meet, in one table: code → status and title. A code is
 * permanent: it may be retired, never reused. `docs/errors.md` is checked against this table.
 */
export const ERRORS = {
  malformed_json: { status: 400, title: 'The body is not valid JSON' },
  invalid_query: { status: 400, title: 'A query parameter is not valid' },
  malformed_request: { status: 400, title: 'The request is not valid HTTP' },
  unauthorized: { status: 401, title: 'The API key is missing or wrong' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'This method is not allowed here' },
  request_timeout: { status: 408, title: 'The request did not arrive in time' },
  limit_reached: { status: 409, title: 'A limit of this account is reached' },
  webhook_disabled: { status: 409, title: 'The webhook is disabled' },
  body_too_large: { status: 413, title: 'The request is too large' },
  event_too_large: { status: 413, title: 'The event is too large' },
  unsupported_media_type: { status: 415, title: 'The content type is not application/json' },
  invalid_request: { status: 422, title: 'The request is not valid' },
  unknown_event_type: { status: 422, title: 'The event type is unknown' },
  headers_too_large: { status: 431, title: 'The request headers are too large' },
  internal_error: { status: 500, title: 'Posthorn failed' },
  not_implemented: { status: 501, title: 'Not implemented yet' },
  store_unavailable: { status: 503, title: 'The store cannot be written or read right now' },
  change_pending: { status: 503, title: 'The change is stored but not yet in force' },
  overloaded: { status: 503, title: 'Posthorn is busy' },
  draining: { status: 503, title: 'Posthorn is shutting down' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** One fault in a request: where (a JSON pointer, or the name of a query parameter) and what. */
export interface Fault {
  /** RFC 6901; the empty string is the whole body. */
  pointer: string;
  /** Machine-readable, snake_case: `unknown_member`, `wrong_type`, `out_of_bounds`, … */
  code: string;
  /** What is wrong and what to do, in one sentence. */
  detail: string;
}

/** A caller's mistake or a refusal: it becomes a problem document (RFC 9457) at the API. */
export class PosthornError extends Error {
  readonly code: ErrorCode;
  readonly faults: readonly Fault[];
  /** Seconds after which the same request may succeed; sent as `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    detail: string,
    options: { faults?: readonly Fault[]; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PosthornError';
    this.code = code;
    this.faults = options.faults ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** A single fault as an error of its own. */
export function invalid(pointer: string, code: string, detail: string): PosthornError {
  return new PosthornError('invalid_request', detail, { faults: [{ pointer, code, detail }] });
}
