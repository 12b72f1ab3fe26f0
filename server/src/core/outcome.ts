import type { Attempt, AttemptFailure, DeliveryStatus } from './model.ts';
import type { Exchange } from './ports.ts';
import { nextDueAt } from './schedule.ts';

/** What docs/webhooks.md says of outcomes, as a table from an exchange to the failure; null is delivered. */
export function failureOf(exchange: Exchange): AttemptFailure | null {
  if (exchange.kind === 'failure') return exchange.failure;
  if (exchange.kind === 'not_sent') return 'connection_failed';
  if (exchange.status >= 200 && exchange.status <= 299) return null;
  if (exchange.status >= 300 && exchange.status <= 399) return 'redirect';
  return 'http_status';
}

/** The record of an exchange. */
export function attemptOf(
  exchange: Exchange,
  made: { id: string; number: number; startedAt: number },
): Attempt {
  const response = exchange.kind === 'response' ? exchange : null;
  return {
    ...made,
    responseCode: response?.status ?? null,
    responseTimeMs: response === null ? null : Math.round(response.responseTimeMs),
    responseBody: response?.body ?? null,
    failure: failureOf(exchange),
    note: exchange.kind === 'not_sent' ? null : exchange.note,
  };
}

/** What follows from an attempt: the end of the delivery, or the next one's due time. */
export function decide(
  attempt: Attempt,
  rule: { schedule: readonly number[]; endedAt: number; fraction: number },
): { status: DeliveryStatus; dueAt: number | null } {
  if (attempt.failure === null) return { status: 'delivered', dueAt: null };
  const dueAt = nextDueAt(rule.schedule, attempt.number, rule.endedAt, rule.fraction);
  return dueAt === null ? { status: 'failed', dueAt: null } : { status: 'pending', dueAt };
}
