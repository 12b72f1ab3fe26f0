/**
 * Every error that a caller of Posthorn can meet, in one table: code → status, title and what
 * to do. A code is permanent: it may be retired, never reused. The table of `docs/errors.md` is made
 * from this one.
 */
export const ERRORS = {
  malformed_json: {
    status: 400,
    title: 'The body is not valid JSON',
    help: 'Send one JSON value in UTF-8; the detail names the position of the fault.',
  },
  invalid_query: {
    status: 400,
    title: 'A query parameter is not valid',
    help: 'Correct the parameters that `errors` names; a cursor belongs to one list with its filters.',
  },
  invalid_idempotency_key: {
    status: 400,
    title: 'The Idempotency-Key is not valid',
    help: 'Send 1 to 255 printable ASCII characters, for example a UUID.',
  },
  malformed_request: {
    status: 400,
    title: 'The request is not valid HTTP',
    help: 'Check the request line, the headers and Content-Length; usually a client or a proxy is at fault.',
  },
  unauthorized: {
    status: 401,
    title: 'The API key is missing or wrong',
    help: 'Send `Authorization: Bearer <key>` with a key of this installation.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    help: 'Check the path and the id; what belongs to another account is answered like this too.',
  },
  method_not_allowed: {
    status: 405,
    title: 'This method is not allowed here',
    help: 'Use one of the methods in the `Allow` header.',
  },
  request_timeout: {
    status: 408,
    title: 'The request did not arrive in time',
    help: 'Send the whole request without a pause; try again.',
  },
  idempotency_in_progress: {
    status: 409,
    title: 'The same call is still in progress',
    help: 'Send it again after `Retry-After`; you get the answer of the first.',
  },
  limit_reached: {
    status: 409,
    title: 'A limit of this account is reached',
    help: 'Delete what is no longer used, or ask the operator to raise the limit.',
  },
  webhook_disabled: {
    status: 409,
    title: 'The webhook is disabled',
    help: 'Set the status of the webhook to `active` first.',
  },
  delivery_ended: {
    status: 409,
    title: 'The delivery has ended',
    help: 'There is nothing left to cancel; redeliver it to send the event again.',
  },
  recovery_running: {
    status: 409,
    title: 'A recovery of this webhook is running',
    help: 'Wait until `GET /v1/recoveries/{id}` says that it is done.',
  },
  body_too_large: {
    status: 413,
    title: 'The request is too large',
    help: 'Send less at once, for example smaller batches.',
  },
  event_too_large: {
    status: 413,
    title: 'The event is too large',
    help: 'Publish an id and a link instead of the whole object.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body is not plain application/json',
    help: 'Send `Content-Type: application/json` and a JSON body, not compressed.',
  },
  invalid_request: {
    status: 422,
    title: 'The request is not valid',
    help: 'Correct every member that `errors` names, then send the request again.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'The Idempotency-Key was used for another call',
    help: 'Take a new key for each new call; the same key is for sending the same call again.',
  },
  unknown_event_type: {
    status: 422,
    title: 'The event type is unknown',
    help: 'Correct the spelling, or add the type with `PUT /v1/event-types/{name}`.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    help: 'Nothing was kept; try again after `Retry-After`. Without a valid key, correct the key first.',
  },
  headers_too_large: {
    status: 431,
    title: 'The request headers are too large',
    help: 'Send fewer or shorter headers.',
  },
  internal_error: {
    status: 500,
    title: 'Posthorn failed',
    help: 'Try again later with the same idempotency key; tell the operator the `request_id`.',
  },
  store_unavailable: {
    status: 503,
    title: 'The store cannot be written or read right now',
    help: 'Try again after `Retry-After` with the same idempotency key; the operator should look at the disk.',
  },
  change_pending: {
    status: 503,
    title: 'The change is stored, but not in force yet',
    help: 'Send the same call again after `Retry-After`, with the same idempotency key if it had one.',
  },
  overloaded: {
    status: 503,
    title: 'Posthorn is busy',
    help: 'Nothing was kept; try again after `Retry-After`.',
  },
  draining: {
    status: 503,
    title: 'Posthorn is shutting down',
    help: 'Nothing was kept; try again in a few seconds.',
  },
} as const satisfies Record<string, { status: number; title: string; help: string }>;

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

/** Tells the first of several faults, with its pointer where the caller can look it up in the body. */
export function toldFirst(faults: readonly Fault[], { isBody }: { isBody: boolean }): string {
  const [first] = faults;
  const where =
    isBody && first !== undefined && first.pointer !== '' ? ` (at ${first.pointer})` : '';
  const more = faults.length > 1 ? ` And ${faults.length - 1} more, see "errors".` : '';
  return `${first?.detail ?? 'The request is not valid.'}${where}${more}`;
}

/** A single fault as an error of its own. */
export function invalid(pointer: string, code: string, detail: string): PosthornError {
  return new PosthornError('invalid_request', detail, { faults: [{ pointer, code, detail }] });
}
