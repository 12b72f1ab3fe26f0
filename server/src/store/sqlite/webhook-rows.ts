import type { Rotation, Webhook, WebhookSettings } from '../../core/model.ts';
import { accountId, webhookId } from './ids.ts';
import { integer, integerOrNull, type Row, text, textOrNull } from './rows.ts';

/** The columns that `webhook` reads and `webhookValues` fills, in this order. */
export const WEBHOOK_COLUMNS = [
  'account_id',
  'id',
  'url',
  'events',
  'description',
  'status',
  'disabled_reason',
  'secret_sealed',
  'secret_hint',
  'secret_before_sealed',
  'secret_before_until',
  'secret_prefers_new',
  'held_until',
  'ordering',
  'rate_limit_max',
  'rate_limit_per_ms',
  'concurrency_max',
  'retry_schedule',
  'on_gone',
  'created_at',
  'updated_at',
] as const;

export function webhook(row: Row): Webhook {
  return {
    accountId: accountId(text(row, 'account_id')),
    id: webhookId(text(row, 'id')),
    url: text(row, 'url'),
    events: subscriptions(row),
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

export function webhookValues({ rotation, settings, ...webhook }: Webhook, key: [string, string]) {
  return [
    ...key,
    webhook.url,
    JSON.stringify(webhook.events),
    webhook.description,
    webhook.status,
    webhook.disabledReason,
    webhook.secretSealed,
    webhook.secretHint,
    rotation?.beforeSealed ?? null,
    rotation?.until ?? null,
    rotation?.prefersNew ? 1 : 0,
    webhook.heldUntil,
    settings.ordering,
    settings.rateLimit?.max ?? null,
    settings.rateLimit?.perMs ?? null,
    settings.concurrencyMax,
    settings.retrySchedule === null ? null : JSON.stringify(settings.retrySchedule),
    settings.onGone,
    webhook.createdAt,
    webhook.updatedAt,
  ];
}

export function subscriptions(row: Row): string[] {
  return JSON.parse(text(row, 'events'));
}

export function rotation(row: Row): Rotation | null {
  const beforeSealed = textOrNull(row, 'secret_before_sealed');
  if (beforeSealed === null) return null;
  const until = integer(row, 'secret_before_until');
  return { beforeSealed, until, prefersNew: integer(row, 'secret_prefers_new') === 1 };
}

export function settings(row: Row): WebhookSettings {
  const max = integerOrNull(row, 'rate_limit_max');
  const retrySchedule = textOrNull(row, 'retry_schedule');
  return {
    ordering: text(row, 'ordering') as WebhookSettings['ordering'],
    rateLimit: max === null ? null : { max, perMs: integer(row, 'rate_limit_per_ms') },
    concurrencyMax: integerOrNull(row, 'concurrency_max'),
    retrySchedule: retrySchedule === null ? null : JSON.parse(retrySchedule),
    onGone: textOrNull(row, 'on_gone') as WebhookSettings['onGone'],
  };
}
