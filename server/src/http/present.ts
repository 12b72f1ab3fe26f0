import {
  ATTEMPT_FAILURES,
  type Attempt,
  type Delivery,
  type Event,
  type Webhook,
} from '../core/model.ts';
import type { DeliveryStats } from '../core/ports.ts';
import { milliseconds, wholeSeconds } from '../core/time.ts';

/** How things look at the API; the documented members first. */

export function presentWebhook(webhook: Webhook) {
  return {
    id: webhook.id,
    url: webhook.url,
    events: webhook.events,
    status: webhook.status,
    created_at: wholeSeconds(webhook.createdAt),
    description: webhook.description,
    disabled_reason: webhook.disabledReason,
    secret_hint: webhook.secretHint,
    updated_at: wholeSeconds(webhook.updatedAt),
  };
}

/** What a publish answers. */
export function presentAccepted(event: Event) {
  return { id: event.id, type: event.type, created_at: wholeSeconds(event.createdAt) };
}

/** The stored body is the event as it is delivered. */
export function presentEvent(event: Event): unknown {
  return JSON.parse(event.body);
}

export function presentDelivery(delivery: Delivery) {
  const { lastAttempt } = delivery;
  return {
    id: delivery.id,
    event_id: delivery.eventId,
    status: delivery.status,
    response_code: lastAttempt?.responseCode ?? null,
    response_time_ms: lastAttempt?.responseTimeMs ?? null,
    created_at: wholeSeconds(delivery.createdAt),
    webhook_id: delivery.webhookId,
    event_type: delivery.eventType,
    trigger: delivery.trigger,
    attempt_count: delivery.attemptCount,
    next_attempt_at: delivery.dueAt === null ? null : milliseconds(delivery.dueAt),
    cancel_reason: delivery.cancelReason,
    error: lastAttempt === null ? null : presentFailure(lastAttempt),
  };
}

export function presentAttempt(attempt: Attempt) {
  return {
    id: attempt.id,
    number: attempt.number,
    started_at: milliseconds(attempt.startedAt),
    response_code: attempt.responseCode,
    response_time_ms: attempt.responseTimeMs,
    response_body: attempt.responseBody,
    error: presentFailure(attempt),
  };
}

/** Why an attempt failed; null when it was delivered. */
export function presentFailure({ failure }: Attempt) {
  return failure === null ? null : { code: failure, detail: ATTEMPT_FAILURES[failure] };
}

/** `GET /webhooks/{id}/stats`. */
export function presentStats({ since, stats }: { since: number; stats: DeliveryStats }) {
  const { delivered, failed, responseTimesMs } = stats;
  return {
    since: wholeSeconds(since),
    deliveries: stats.counted,
    complete: stats.complete,
    delivered,
    failed,
    cancelled: stats.cancelled,
    success_rate: delivered + failed === 0 ? null : delivered / (delivered + failed),
    response_time_ms: {
      p50: percentile(responseTimesMs, 0.5),
      p95: percentile(responseTimesMs, 0.95),
      p99: percentile(responseTimesMs, 0.99),
    },
    pending: stats.pending,
    pending_complete: stats.pendingComplete,
    next_attempt_at: stats.nextDueAt === null ? null : milliseconds(stats.nextDueAt),
  };
}

/** Of values in ascending order; null when there are none. */
function percentile(ascending: readonly number[], fraction: number): number | null {
  return ascending[Math.ceil(ascending.length * fraction) - 1] ?? null;
}
