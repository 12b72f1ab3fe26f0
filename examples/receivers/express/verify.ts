import { createHmac, timingSafeEqual } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Several secrets hold while one replaces another: any of them may have signed. */
export function isStandard(body: Buffer, headers: Headers, secrets: readonly string[]): boolean {
  const signed = {
    'webhook-id': String(headers['webhook-id'] ?? ''),
    'webhook-timestamp': String(headers['webhook-timestamp'] ?? ''),
    'webhook-signature': String(headers['webhook-signature'] ?? ''),
  };
  return secrets.some((secret) => {
    try {
      webhookOf(secret).verify(body, signed, { jsonParse: false });
      return true;
    } catch {
      return false;
    }
  });
}

function webhookOf(secret: string): Webhook {
  // The library takes every secret for base64; ours without the prefix are plain text.
  return secret.startsWith('whsec_') ? new Webhook(secret) : new Webhook(secret, { format: 'raw' });
}

/** `X-Webhook-Signature` by hand. It has no time in it: a copied request stays valid for ever. */
export function isDocumented(body: Buffer, headers: Headers, secrets: readonly string[]): boolean {
  const signature = Buffer.from(String(headers['x-webhook-signature'] ?? ''));
  return secrets.some((secret) => {
    const digest = createHmac('sha256', secret).update(body).digest('hex');
    const expected = Buffer.from(`sha256=${digest}`);
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  });
}
