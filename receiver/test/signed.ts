import { secretKeys, standardSignature, type WebhookEvent } from '../src/index.ts';
import { hmacSync } from '../src/node.ts';

export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** A request with an event of now. */
export function signed(event: Partial<WebhookEvent>): {
  headers: Record<string, string>;
  body: string;
} {
  const id = event.id ?? 'evt_abc123';
  const { type = 'user.created', created_at = '2023-12-01T15:30:00Z', data = {} } = event;
  const body = JSON.stringify({ id, type, created_at, data });
  const timestamp = Math.floor(Date.now() / 1000);
  const { standard } = secretKeys(SECRET);
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': standardSignature(hmacSync, standard, id, timestamp, body),
  };
  return { headers, body };
}
