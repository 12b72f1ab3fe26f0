import type { Attempt, AttemptFailure, AttemptNote, DeliveryStatus, OnGone } from './model.ts';
import type { Exchange } from './ports.ts';
import { nextDueAt } from './schedule.ts';

/** An exchange that took place, well or not. */
export type SentExchange = Exclude<Exchange, { kind: 'not_sent' }>;

/** What docs/webhooks.md says of outcomes, as a table from an exchange to the failure; null is delivered. */
export function failureOf(exchange: SentExchange): AttemptFailure | null {
  if (exchange.kind === 'failure') return exchange.failure;
  if (exchange.status >= 200 && exchange.status <= 299) return null;
  if (exchange.status >= 300 && exchange.status <= 399) return 'redirect';
  return 'http_status';
}

/**
 * What an exchange says of its receiver. `well`: it took the delivery. `refused`: it is there and does
 * not want this one, which says nothing about the next. `struggling`: less at a time would be better.
 */
export type Verdict = 'well' | 'refused' | 'struggling';

export function verdictOf(exchange: SentExchange): Verdict {
  if (exchange.kind === 'failure') return 'struggling';
  const { status } = exchange;
  if (status >= 200 && status <= 299) return 'well';
  return status === 408 || status === 429 || status >= 500 ? 'struggling' : 'refused';
}

/** The record of an exchange. */
export function attemptOf(
  exchange: SentExchange,
  made: { id: string; number: number; startedAt: number; note?: AttemptNote | null },
): Attempt {
  const response = exchange.kind === 'response' ? exchange : null;
  return {
    id: made.id,
    number: made.number,
    startedAt: made.startedAt,
    responseCode: response?.status ?? null,
    responseTimeMs: response === null ? null : Math.round(response.responseTimeMs),
    responseBody: response?.body ?? null,
    failure: failureOf(exchange),
    note: exchange.note ?? made.note ?? null,
  };
}

export interface RetryRule {
  schedule: readonly number[];
  onGone: OnGone;
  endedAt: number;
  /** At least 0 and below 1. */
  fraction: number;
}

/**
 * What follows from an attempt: the end of the delivery, or the next one's due time by the schedule. A hold
 * of the webhook keeps it back for longer, and may be ended before its time.
 */
export function decide(
  attempt: Attempt,
  rule: RetryRule,
): { status: DeliveryStatus; dueAt: number | null } {
  if (attempt.failure === null) return { status: 'delivered', dueAt: null };
  if (isGone(attempt) && rule.onGone === 'disable') return { status: 'failed', dueAt: null };
  const dueAt = nextDueAt(rule.schedule, attempt.number, rule.endedAt, rule.fraction);
  if (dueAt === null) return { status: 'failed', dueAt: null };
  return { status: 'pending', dueAt };
}

/** The receiver says that it will never be there again (RFC 9110, 15.5.11). */
export function isGone({ responseCode }: Attempt): boolean {
  return responseCode === 410;
}
