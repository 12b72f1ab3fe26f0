import { WebhookVerificationError } from './errors.ts';

/** The body of a delivery. Later versions may append members. */
export interface WebhookEvent {
  /** The same on every attempt and redelivery: what was seen already is known by it. */
  readonly id: string;
  /** Words with full stops between them, such as `user.created`. */
  readonly type: string;
  /** UTC in whole seconds, such as `2023-12-01T15:30:00Z`. */
  readonly created_at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** @throws WebhookVerificationError `body_malformed`. Call it on a verified body only. */
export function parseEvent(body: string | Uint8Array): WebhookEvent {
  const value = parseJson(body);
  if (!isEvent(value)) {
    throw new WebhookVerificationError('body_malformed', 'It needs id, type, created_at and data.');
  }
  return value;
}

function parseJson(body: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof body === 'string' ? body : utf8.decode(body));
  } catch {
    // The parser's own error is no cause to attach: it quotes the body.
    throw new WebhookVerificationError('body_malformed', 'It is not JSON in UTF-8.');
  }
}

/** A byte order mark is kept, so that it fails as in text: the sender writes none. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function isEvent(value: unknown): value is WebhookEvent {
  return (
    isObject(value) &&
    typeof value.id === 'string' &&
    typeof value.type === 'string' &&
    typeof value.created_at === 'string' &&
    isObject(value.data)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
