import { subscribe } from 'node:diagnostics_channel';
import { destination, type Logger, pino } from 'pino';
import {
  ANNOUNCEMENT_NAMES,
  type Announcements,
  type AttemptEnded,
  type RequestAnswered,
} from '../core/announcements.ts';
import type { Announcement } from '../core/ports.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogSettings {
  level: LogLevel;
}

/** Logs what this thread announces, as JSON lines on standard output. */
export function startLog({ level }: LogSettings): Logger {
  const log = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination(1));
  if (level === 'silent') return log;
  listen('attempt', (ended) => logAttempt(log, ended));
  listen('request', (answered) => logRequest(log, answered));
  listen('bug', ({ where, error }) => log.error({ where, err: error }, 'bug'));
  listen('settleFailed', ({ waiting, error }) => {
    log.warn({ waiting, reason: (error as Error).message }, 'settling failed; sending waits');
  });
  return log;
}

type Message<Name extends keyof Announcements> =
  Announcements[Name] extends Announcement<infer Value> ? Value : never;

function listen<Name extends keyof Announcements>(
  name: Name,
  hear: (message: Message<Name>) => void,
): void {
  subscribe(ANNOUNCEMENT_NAMES[name], (message) => hear(message as Message<Name>));
}

/** What succeeded is said at `debug`: at `info` the log shows what somebody may have to look at. */
function logAttempt(log: Logger, { attempt, ...of }: AttemptEnded): void {
  const level = attempt.failure === null ? 'debug' : 'info';
  if (!log.isLevelEnabled(level)) return;
  log[level](
    {
      account: of.accountId,
      webhook: of.webhookId,
      event: of.eventId,
      event_type: of.eventType,
      delivery: of.deliveryId,
      attempt: attempt.number,
      status: of.status,
      response_code: attempt.responseCode,
      response_time_ms: attempt.responseTimeMs,
      failure: attempt.failure,
    },
    'attempt',
  );
}

function logRequest(log: Logger, answered: RequestAnswered): void {
  const level = answered.status >= 500 ? 'warn' : 'debug';
  if (!log.isLevelEnabled(level)) return;
  log[level](
    {
      request_id: answered.requestId,
      method: answered.method,
      route: answered.route,
      status: answered.status,
      duration_ms: Math.round(answered.durationMs * 10) / 10,
      code: answered.code,
    },
    'request',
  );
}
