import type { Static } from 'typebox';
import { invalid } from '../core/errors.ts';
import { parseMoment } from '../core/time.ts';
import type { SettingsInput } from '../core/webhook-settings.ts';
import type { RecoverySpan } from '../service/recoveries.ts';
import type { NewWebhook, WebhookPatch } from '../service/webhooks.ts';
import type { NewWebhookBody, RecoverBody, WebhookPatchBody } from './schemas.ts';

/** What stands in the bodies of calls about webhooks, as the service takes it. */

export function newWebhookOf(body: Static<typeof NewWebhookBody>): NewWebhook {
  const { url, events, secret, description } = body;
  return { url, events, secret, description, settings: settingsOf(body) };
}

export function webhookPatchOf(body: Static<typeof WebhookPatchBody>): WebhookPatch {
  const { url, events, secret, description, status } = body;
  return { url, events, secret, description, status, settings: settingsOf(body) };
}

export function recoverySpanOf({ since, until }: Static<typeof RecoverBody>): RecoverySpan {
  return {
    since: moment('/since', since),
    until: until === undefined ? undefined : moment('/until', until),
  };
}

function settingsOf(body: Static<typeof WebhookPatchBody>): SettingsInput {
  return {
    ordering: body.ordering,
    rateLimit: body.rate_limit,
    concurrencyMax: body.concurrency_max,
    retrySchedule: body.retry_schedule,
    onGone: body.on_gone,
  };
}

function moment(pointer: string, text: string): number {
  const ms = parseMoment(text);
  if (ms !== undefined) return ms;
  throw invalid(pointer, 'invalid_time', 'This must be a time such as 2023-12-01T10:00:00Z.');
}
