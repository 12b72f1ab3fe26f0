import { formatDuration, readDuration } from './duration.ts';
import { invalid } from './errors.ts';
import {
  DEFAULT_WEBHOOK_SETTINGS,
  type OnGone,
  type Ordering,
  type WebhookSettings,
} from './model.ts';

export const RATE_LIMIT_MAX = 10_000;
export const CONCURRENCY_MAX = 1_024;
export const RETRY_STEPS_MAX = 20;

const SECOND_MS = 1_000;
const HOUR_MS = 3_600 * SECOND_MS;
const DAY_MS = 24 * HOUR_MS;

const RATE_LIMIT_SPAN = { minMs: SECOND_MS, maxMs: HOUR_MS };
const RETRY_WAIT = { minMs: 0, maxMs: 30 * DAY_MS };
const OVERLAP = { minMs: 0, maxMs: 7 * DAY_MS };

/** A whole number of seconds, or text such as `90s`. */
export type DurationInput = number | string;

/** Settings as a caller gives them; null is the installation's own value, undefined leaves what is. */
export interface SettingsInput {
  ordering?: Ordering | null | undefined;
  rateLimit?: { max: number; per: DurationInput } | null | undefined;
  concurrencyMax?: number | null | undefined;
  retrySchedule?: readonly DurationInput[] | null | undefined;
  onGone?: OnGone | null | undefined;
}

/** What they say; throws `invalid_request` for a duration that is none or out of bounds. */
export function readSettings(given: SettingsInput): Partial<WebhookSettings> {
  const { ordering, rateLimit, concurrencyMax, retrySchedule, onGone } = given;
  const settings: Partial<WebhookSettings> = {};
  if (ordering !== undefined) settings.ordering = ordering ?? DEFAULT_WEBHOOK_SETTINGS.ordering;
  if (rateLimit !== undefined) {
    settings.rateLimit = rateLimit && {
      max: rateLimit.max,
      perMs: expectDuration('/rate_limit/per', rateLimit.per, RATE_LIMIT_SPAN),
    };
  }
  if (concurrencyMax !== undefined) settings.concurrencyMax = concurrencyMax;
  if (retrySchedule !== undefined) {
    settings.retrySchedule =
      retrySchedule?.map((wait, step) =>
        expectDuration(`/retry_schedule/${step}`, wait, RETRY_WAIT),
      ) ?? null;
  }
  if (onGone !== undefined) settings.onGone = onGone;
  return settings;
}

/** How long the secret before a rotation goes on beside the new one. */
export function readOverlap(given: DurationInput): number {
  return expectDuration('/overlap', given, OVERLAP);
}

function expectDuration(
  pointer: string,
  given: DurationInput,
  { minMs, maxMs }: { minMs: number; maxMs: number },
): number {
  const ms = readDuration(given);
  if (ms === undefined) {
    throw invalid(pointer, 'invalid_duration', DURATION_FORM);
  }
  if (ms >= minMs && ms <= maxMs) return ms;
  const bounds = `This must be from ${formatDuration(minMs)} to ${formatDuration(maxMs)}.`;
  throw invalid(pointer, 'out_of_bounds', bounds);
}

export const DURATION_FORM =
  'This must be a whole number of seconds, or a duration such as "90s", "5m" or "1h".';
