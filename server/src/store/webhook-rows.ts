import type { LaneMemory, Rotation, Webhook, WebhookSettings } from '../core/model.ts';
import type { Target, WebhookRef } from '../core/ports.ts';
import { accountId, bare, webhookId } from './ids.ts';
import { integer, integerOrNull, type Row, text, textOrNull } from './rows.ts';

/** What sending to it depends on. */
export const SENDING_COLUMNS = `url, status, secret_sealed, secret_before_sealed, secret_before_until,
    secret_prefers_new, held_until, ordering, rate_limit_max, rate_limit_per_ms, concurrency_max,
    retry_schedule, on_gone`;

/** The columns that `webhook` reads. */
export const WEBHOOK_COLUMNS = `account_id, id, created_at, events, description, disabled_reason,
    secret_hint, updated_at, ${SENDING_COLUMNS}`;

export function webhook(row: Row): Webhook {
  return {
    accountId: accountId(text(row, 'account_id')),
    id: webhookId(text(row, 'id')),
    url: text(row, 'url'),
    events: events(row),
    description: text(row, 'description'),
    status: text(row, 'status') as Webhook['status'],
    disabledReason: textOrNull(row, 'disabled_reason') as Webhook['disabledReason'],
    secretSealed: text(row, 'secret_sealed'),
    secretHint: text(row, 'secret_hint'),
    rotation: rotation(row),
    heldUntil: integerOrNull(row, 'held_until'),
    settings: settings(row),
    createdAt: integer(row, 'created_at'),
    updatedAt: integer(row, 'updated_at'),
  };
}

/** The columns that `targetOf` reads. */
export const TARGET_COLUMNS = `${SENDING_COLUMNS}, created_at, updated_at, deleted_at, health, usual_ms,
    failing_since, failed_attempts`;

/** A row of `webhooks` beside the one of `lanes`, if there is one. */
export function targetOf(ref: WebhookRef, row: Row): Target {
  const status = row.deleted_at === null ? text(row, 'status') : 'deleted';
  const updatedAt = integer(row, 'updated_at');
  return {
    ...ref,
    url: text(row, 'url'),
    secretSealed: text(row, 'secret_sealed'),
    rotation: rotation(row),
    heldUntil: integerOrNull(row, 'held_until'),
    settings: settings(row),
    changedAt: updatedAt === integer(row, 'created_at') ? null : updatedAt,
    status: status as Target['status'],
    memory: row.health === null ? null : laneMemory(row),
  };
}

function laneMemory(row: Row): LaneMemory {
  return {
    health: text(row, 'health') as LaneMemory['health'],
    usualMs: integerOrNull(row, 'usual_ms'),
    failingSince: integerOrNull(row, 'failing_since'),
    failedAttempts: integer(row, 'failed_attempts'),
  };
}

export function events(row: Row): string[] {
  return JSON.parse(text(row, 'events'));
}

/** Null when there is no secret before; one whose overlap has ended may still be there. */
function rotation(row: Row): Rotation | null {
  const beforeSealed = textOrNull(row, 'secret_before_sealed');
  const until = integerOrNull(row, 'secret_before_until');
  if (beforeSealed === null || until === null) return null;
  return { beforeSealed, until, prefersNew: integer(row, 'secret_prefers_new') === 1 };
}

function settings(row: Row): WebhookSettings {
  const max = integerOrNull(row, 'rate_limit_max');
  const perMs = integerOrNull(row, 'rate_limit_per_ms');
  const schedule = textOrNull(row, 'retry_schedule');
  return {
    ordering: text(row, 'ordering') as WebhookSettings['ordering'],
    rateLimit: max === null || perMs === null ? null : { max, perMs },
    concurrencyMax: integerOrNull(row, 'concurrency_max'),
    retrySchedule: schedule === null ? null : JSON.parse(schedule),
    onGone: textOrNull(row, 'on_gone') as WebhookSettings['onGone'],
  };
}

/** What may change, and what it is found by: named as the columns are. */
export function changeableColumns(webhook: Webhook) {
  const { rotation, settings } = webhook;
  const { rateLimit, retrySchedule } = settings;
  return {
    url: webhook.url,
    events: JSON.stringify(webhook.events),
    description: webhook.description,
    status: webhook.status,
    disabled_reason: webhook.disabledReason,
    secret_sealed: webhook.secretSealed,
    secret_hint: webhook.secretHint,
    secret_before_sealed: rotation?.beforeSealed ?? null,
    secret_before_until: rotation?.until ?? null,
    secret_prefers_new: rotation?.prefersNew ? 1 : 0,
    held_until: webhook.heldUntil,
    ordering: settings.ordering,
    rate_limit_max: rateLimit?.max ?? null,
    rate_limit_per_ms: rateLimit?.perMs ?? null,
    concurrency_max: settings.concurrencyMax,
    retry_schedule: retrySchedule === null ? null : JSON.stringify(retrySchedule),
    on_gone: settings.onGone,
    updated_at: webhook.updatedAt,
    account_id: bare(webhook.accountId),
    id: bare(webhook.id),
  };
}
