/** The things that Posthorn keeps, as its own code sees them. Times are Unix milliseconds. */

export const WEBHOOK_STATUSES = ['active', 'paused', 'disabled'] as const;
export type WebhookStatus = (typeof WEBHOOK_STATUSES)[number];

export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed', 'cancelled'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** `strict`: one delivery at a time, in the order of acceptance; a failing one holds up those behind it. */
export const ORDERINGS = ['none', 'strict'] as const;
export type Ordering = (typeof ORDERINGS)[number];

/** What a receiver's 410 does: it is retried like any other failure, or the webhook is disabled. */
export const ON_GONE = ['retry', 'disable'] as const;
export type OnGone = (typeof ON_GONE)[number];

/** Why a webhook is disabled. */
export const DISABLED_REASONS = {
  owner: 'It was disabled by a call of the API.',
  failing: 'No delivery succeeded for too long.',
  gone: 'The receiver answered 410, and the webhook is set to be disabled then.',
  backlog_full: 'More deliveries were pending than a webhook may have.',
} as const;
export type DisabledReason = keyof typeof DISABLED_REASONS;

/** At most `max` exchanges begin within any span of `perMs`. */
export interface RateLimit {
  max: number;
  perMs: number;
}

/** Why a delivery exists: its event was published, somebody asked again, or it is a test call. */
export type Trigger = 'schedule' | 'manual' | 'test';

export interface EventType {
  name: string;
  description: string;
  /** Of its `data`: a JSON Schema (2020-12), as JSON. Null for none. */
  schema: string | null;
  /** Of its `data`: an object, as JSON. Null for none. */
  example: string | null;
}

export interface Webhook {
  accountId: string;
  id: string;
  url: string;
  /** Names of event types, families such as `user.*`, or `*`. */
  events: readonly string[];
  description: string;
  status: WebhookStatus;
  /** Null while it is not disabled. */
  disabledReason: DisabledReason | null;
  /** The secret as the vault sealed it; opened only where a delivery is signed. */
  secretSealed: string;
  /** The last four characters. */
  secretHint: string;
  /** The secret before it, while receivers may still go by that one; null when there is none. */
  rotation: Rotation | null;
  /** Nothing is sent before: the receiver asked for it with `Retry-After`. Null when it did not. */
  heldUntil: number | null;
  settings: WebhookSettings;
  createdAt: number;
  updatedAt: number;
}

/** How a webhook is delivered to; null is the installation's own value. */
export interface WebhookSettings {
  ordering: Ordering;
  rateLimit: RateLimit | null;
  /** Exchanges in progress at once, at most. */
  concurrencyMax: number | null;
  /** Milliseconds before attempt 1, 2, …; its length is the number of attempts. */
  retrySchedule: readonly number[] | null;
  onGone: OnGone | null;
}

export const DEFAULT_WEBHOOK_SETTINGS: WebhookSettings = {
  ordering: 'none',
  rateLimit: null,
  concurrencyMax: null,
  retrySchedule: null,
  onGone: null,
};

/**
 * Two secrets during an overlap. `webhook-signature` carries both; the legacy header is made with the
 * preferred one, which is the one before until a receiver has shown that it knows the new one.
 */
export interface Rotation {
  beforeSealed: string;
  /** When the overlap ends: from then on only the new secret is used. */
  until: number;
  prefersNew: boolean;
}

export interface Event {
  accountId: string;
  id: string;
  type: string;
  createdAt: number;
  /** The exact text whose UTF-8 bytes are signed, stored and sent. */
  body: string;
}

export interface Attempt {
  id: string;
  /** 1 to the schedule's length. */
  number: number;
  startedAt: number;
  /** Null when there was no response. */
  responseCode: number | null;
  responseTimeMs: number | null;
  /** At most the first 4 KiB, as text; null when there was no response. */
  responseBody: string | null;
  /** Why it failed; null when it was delivered. */
  failure: AttemptFailure | null;
  /** Something about the exchange that is worth knowing whatever came of it. */
  note: AttemptNote | null;
}

/** What is remarked on an attempt, with a sentence for whoever reads the log. */
export const ATTEMPT_NOTES = {
  resent:
    'The receiver closed a kept-alive connection before it answered; the request was sent once more on a new one.',
  early_response: 'The receiver answered before it had read the whole request.',
  body_cut: 'The rest of the response body was not read: it was too long, too slow or broke off.',
  second_secret: 'Sent once more at once, signed with the other secret of a rotation.',
} as const;
export type AttemptNote = keyof typeof ATTEMPT_NOTES;

/** Every way in which an attempt fails, with a sentence for whoever reads the log. */
export const ATTEMPT_FAILURES = {
  http_status: 'The receiver answered with a status other than 2xx.',
  redirect: 'The receiver answered with a redirect; redirects are never followed.',
  timeout: 'The receiver did not answer in time.',
  dns_failed: "The receiver's name could not be resolved.",
  connection_refused: 'The receiver refused the connection.',
  connection_failed: 'The connection to the receiver could not be made.',
  connection_reset: 'The connection broke before the response was complete.',
  tls_failed: 'The TLS handshake with the receiver failed.',
  headers_too_large: 'The response headers were larger than 16 KiB.',
  malformed_response: 'The answer was not valid HTTP.',
  blocked: 'The address is not allowed.',
} as const;
export type AttemptFailure = keyof typeof ATTEMPT_FAILURES;

export interface Delivery {
  accountId: string;
  id: string;
  webhookId: string;
  eventId: string;
  eventType: string;
  trigger: Trigger;
  status: DeliveryStatus;
  createdAt: number;
  /** When it is to be tried next; null when it has ended. */
  dueAt: number | null;
  /** Why it was cancelled; null when it was not. */
  cancelReason: string | null;
  /** How many attempts were made. */
  attemptCount: number;
  /** The newest attempt; null before the first has ended. */
  lastAttempt: Attempt | null;
}

/**
 * Brings back what a webhook missed: each event of the account in the span that fits what the webhook
 * subscribes to today, and has no pending or delivered delivery to it, is delivered anew.
 */
export interface Recovery {
  accountId: string;
  id: string;
  webhookId: string;
  since: number;
  until: number;
  status: 'running' | 'done' | 'cancelled';
  /** Deliveries it has made. */
  deliveryCount: number;
  createdAt: number;
  /** Null while it is running. */
  endedAt: number | null;
}

/** What a webhook's lane remembers over a restart, as far as it matters; times are Unix milliseconds. */
export interface LaneMemory {
  /** `proven`: the newest exchanges went well; `failing`: the newest failed; `new`: none has ended. */
  health: LaneHealth;
  /** How long its receiver usually takes; null while nobody knows. */
  usualMs: number | null;
  /** When the first attempt failed of those since the last success; null while the last one succeeded. */
  failingSince: number | null;
  /** How many have failed since then. */
  failedAttempts: number;
}

export const LANE_HEALTHS = ['new', 'proven', 'failing'] as const;
export type LaneHealth = (typeof LANE_HEALTHS)[number];
