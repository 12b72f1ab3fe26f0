/**
 * The members of the log's lines, in their order. Programs read them: a name that is here once keeps
 * its meaning. Beside them each line has `level`, `time` and `msg`, which is the line's kind.
 */
export const ATTEMPT_FIELDS = [
  'account',
  'webhook',
  'event',
  'event_type',
  'delivery',
  'trigger',
  'attempt',
  'status',
  'wait_ms',
  'response_code',
  'response_time_ms',
  'failure',
  'note',
] as const;

export const REQUEST_FIELDS = [
  'request_id',
  'method',
  'route',
  'status',
  'duration_ms',
  'code',
] as const;

export const WEBHOOK_DISABLED_FIELDS = ['account', 'webhook', 'reason'] as const;
export const HEAD_FAILED_FIELDS = ['account', 'webhook', 'delivery'] as const;
export const UNHEARD_FIELDS = ['account', 'webhook', 'due_at'] as const;
export const FENCED_FIELDS = ['account', 'webhook', 'delivery', 'attempt'] as const;
export const BUG_FIELDS = ['where', 'error'] as const;
export const SETTLE_FAILED_FIELDS = ['waiting', 'error'] as const;

/** Of `error`, and of its causes. */
export const ERROR_FIELDS = ['name', 'code', 'message', 'stack', 'cause'] as const;

/** An object with exactly these members. */
export type Line<Fields extends readonly string[]> = Record<Fields[number], unknown>;
