import { WebhookVerificationError } from './errors.ts';
import { presentSecrets, type Secrets } from './keys.ts';

interface Refused {
  eventId?: string;
  secrets: Secrets;
  body: string | Uint8Array;
}

/** `signature_mismatch`, with a hint that names the cause where the request gives it away. */
export function mismatch(refused: Refused): WebhookVerificationError {
  return new WebhookVerificationError('signature_mismatch', undefined, hintOf(refused));
}

function hintOf({ eventId, secrets, body }: Refused): string | undefined {
  if (presentSecrets(secrets).some((secret) => /^(["']).*\1$/.test(secret))) {
    return 'A secret has quotes around it: remove them.';
  }
  if (eventId?.startsWith('wh_')) {
    return 'The header webhook-id is not X-Webhook-Id. Pass all headers of the request unchanged.';
  }
  if (wasPrintedAgain(body)) {
    return 'The body was parsed and printed again: pass the raw body.';
  }
  return undefined;
}

/** The sender's JSON has one spelling: what `JSON.stringify` makes, without white space. */
function wasPrintedAgain(body: string | Uint8Array): boolean {
  try {
    const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
    return JSON.stringify(JSON.parse(text)) !== text;
  } catch {
    return false;
  }
}
