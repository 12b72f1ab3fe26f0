/** The things that Posthorn keeps, as its own code sees them. Times are Unix milliseconds. */

export const WEBHOOK_STATUSES = ['active', 'paused', 'disabled'] as const;
export type WebhookStatus = (typeof WEBHOOK_STATUSES)[number];

export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed', 'cancelled'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** Why a delivery exists: its event was published, somebody asked again, or it is a test call. */
export type Trigger = 'schedule' | 'manual' | 'test';

export interface EventType {
  name: string;
  description: string;
}

export interface Webhook {
  accountId: string;
  id: string;
  url: string;
  /** Names of event types, families such as `user.*`, or `*`. */
  events: readonly string[];
  description: string;
  status: WebhookStatus;
  /** Why it is disabled: `owner`, or a reason of Posthorn's; null while it is not. */
  disabledReason: string | null;
  /** The secret as the vault sealed it; opened only where a delivery is signed. */
  secretSealed: string;
  /** The last four characters. */
  secretHint: string;
  createdAt: number;
  updatedAt: number;
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
  note: AttemptNote | null;
}

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

/** What is remarked on an attempt, with a sentence for whoever reads the log. */
export const ATTEMPT_NOTES = {
  resent:
    'The receiver closed a kept-alive connection before it answered; the request was sent once more on a new one.',
  early_response: 'The receiver answered before it had read the whole request.',
  body_cut: 'The rest of the response body was not read: it was too long, too slow or broke off.',
  second_secret: 'Sent once more at once, signed with the other secret of a rotation.',
} as const;
export type AttemptNote = keyof typeof ATTEMPT_NOTES;

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
