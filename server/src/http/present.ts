import { formatDuration } from '../core/duration.ts';
import {
  ATTEMPT_FAILURES,
  ATTEMPT_NOTES,
  type Attempt,
  type Delivery,
  type Event,
  type EventType,
  type Recovery,
  type Webhook,
  type WebhookSettings,
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
    ...presentSettings(webhook.settings),
    held_until: orNull(webhook.heldUntil, milliseconds),
    previous_secret_until: orNull(webhook.rotation?.until ?? null, milliseconds),
  };
}

function presentSettings(settings: WebhookSettings) {
  return {
    ordering: settings.ordering,
    rate_limit: orNull(settings.rateLimit, ({ max, perMs }) => {
      return { max, per: formatDuration(perMs) };
    }),
    concurrency_max: settings.concurrencyMax,
    retry_schedule: orNull(settings.retrySchedule, (waits) => waits.map(formatDuration)),
    on_gone: settings.onGone,
  };
}

export function presentRecovery(recovery: Recovery) {
  return {
    id: recovery.id,
    status: recovery.status,
    webhook_id: recovery.webhookId,
    since: milliseconds(recovery.since),
    until: milliseconds(recovery.until),
    deliveries: recovery.deliveryCount,
    created_at: wholeSeconds(recovery.createdAt),
    ended_at: orNull(recovery.endedAt, wholeSeconds),
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

export function presentEventType({ name, description, schema, example }: EventType) {
  return {
    name,
    description,
    schema: orNull(schema, JSON.parse),
    example: orNull(example, JSON.parse),
  };
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
    next_attempt_at: orNull(delivery.dueAt, milliseconds),
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
    note: orNull(attempt.note, (code) => ({ code, detail: ATTEMPT_NOTES[code] })),
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
    next_attempt_at: orNull(stats.nextDueAt, milliseconds),
  };
}

/** Of values in ascending order; null when there are none. */
function percentile(ascending: readonly number[], fraction: number): number | null {
  return ascending[Math.ceil(ascending.length * fraction) - 1] ?? null;
}

function orNull<Value, Shown>(value: Value | null, show: (value: Value) => Shown): Shown | null {
  return value === null ? null : show(value);
}
