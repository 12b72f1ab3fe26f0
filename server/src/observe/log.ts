import { type DestinationStream, destination, type Logger, pino } from 'pino';
import type { AttemptEnded, RequestAnswered } from '../core/announcements.ts';
import { milliseconds } from '../core/time.ts';
import { listen } from './listen.ts';
import type {
  ATTEMPT_FIELDS,
  BUG_FIELDS,
  ERROR_FIELDS,
  FENCED_FIELDS,
  HEAD_FAILED_FIELDS,
  Line,
  REQUEST_FIELDS,
  SETTLE_FAILED_FIELDS,
  UNHEARD_FIELDS,
  WEBHOOK_DISABLED_FIELDS,
} from './log-fields.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogSettings {
  level: LogLevel;
}

/**
 * Logs what this thread announces, as JSON lines on standard output, until what it answers is called.
 *
 * What succeeded is said at `debug`: at `info` the log shows what somebody may have to look at, and a
 * delivery costs it nothing. No URL, no body and no header is in any line.
 */
export function startLog({ level }: LogSettings, stream?: DestinationStream): () => void {
  if (level === 'silent') return () => {};
  const log = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    stream ?? destination(1),
  );
  return listen({
    attempt: (ended) => logAttempt(log, ended),
    request: (answered) => logRequest(log, answered),
    webhookDisabled({ accountId: account, webhookId: webhook, reason }) {
      const line: Line<typeof WEBHOOK_DISABLED_FIELDS> = { account, webhook, reason };
      log.warn(line, 'webhook disabled');
    },
    headFailed({ accountId: account, webhookId: webhook, deliveryId: delivery }) {
      const line: Line<typeof HEAD_FAILED_FIELDS> = { account, webhook, delivery };
      log.warn(line, 'head failed');
    },
    unheard({ accountId: account, webhookId: webhook, dueAt }) {
      const line: Line<typeof UNHEARD_FIELDS> = { account, webhook, due_at: milliseconds(dueAt) };
      log.error(line, 'unheard');
    },
    fenced({ accountId: account, webhookId: webhook, deliveryId: delivery, number: attempt }) {
      log.warn(
        { account, webhook, delivery, attempt } satisfies Line<typeof FENCED_FIELDS>,
        'fenced',
      );
    },
    bug({ where, error }) {
      log.error({ where, error: errorLine(error) } satisfies Line<typeof BUG_FIELDS>, 'bug');
    },
    settleFailed({ waiting, error }) {
      const line: Line<typeof SETTLE_FAILED_FIELDS> = { waiting, error: errorLine(error) };
      log.warn(line, 'settle failed');
    },
  });
}

function logAttempt(log: Logger, of: AttemptEnded): void {
  const { attempt } = of;
  const level = attempt.failure === null ? 'debug' : 'info';
  if (!log.isLevelEnabled(level)) return;
  const line: Line<typeof ATTEMPT_FIELDS> = {
    account: of.accountId,
    webhook: of.webhookId,
    event: of.eventId,
    event_type: of.eventType,
    delivery: of.deliveryId,
    trigger: of.trigger,
    attempt: attempt.number,
    status: of.status,
    wait_ms: of.waitMs,
    response_code: attempt.responseCode,
    response_time_ms: attempt.responseTimeMs,
    failure: attempt.failure,
    note: attempt.note,
  };
  log[level](line, 'attempt');
}

function logRequest(log: Logger, answered: RequestAnswered): void {
  const level = answered.status >= 500 ? 'warn' : 'debug';
  if (!log.isLevelEnabled(level)) return;
  const line: Line<typeof REQUEST_FIELDS> = {
    request_id: answered.requestId,
    method: answered.method,
    route: answered.route,
    status: answered.status,
    duration_ms: Math.round(answered.durationMs * 10) / 10,
    code: answered.code,
  };
  log[level](line, 'request');
}

/** Members of an error that are not named here stay out: Node puts the URL itself into one, for example. */
function errorLine(error: unknown): Partial<Line<typeof ERROR_FIELDS>> {
  if (!(error instanceof Error)) return { message: `not an error but of type ${typeof error}` };
  const { name, message, stack, cause } = error;
  const { code } = error as { code?: unknown };
  return {
    name,
    ...(typeof code === 'string' ? { code } : {}),
    message,
    stack,
    ...(cause instanceof Error ? { cause: errorLine(cause) } : {}),
  };
}
