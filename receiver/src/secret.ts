import { decodeCanonicalBase64, encodeBase64 } from './base64.ts';

/** What Standard Webhooks puts before a secret in base64. */
export const STANDARD_PREFIX = 'whsec_';

/** Characters of a secret as a webhook's owner may give it. */
export const SECRET_LENGTH_MIN = 16;
export const SECRET_LENGTH_MAX = 256;
/** Decoded bytes of a secret given as `whsec_…` (Standard Webhooks 1.0.0: 192 to 512 bits). */
export const STANDARD_KEY_BYTES_MIN = 24;
export const STANDARD_KEY_BYTES_MAX = 64;

export interface SecretKeys {
  /** For `X-Webhook-Signature`: the UTF-8 bytes of the secret as shown, `whsec_` included. */
  legacy: Uint8Array;
  /** For `webhook-signature`: the decoded bytes of `whsec_…`, else the UTF-8 bytes. */
  standard: Uint8Array;
}

/** @throws TypeError when what follows `whsec_` is not canonical base64. */
export function secretKeys(secret: string): SecretKeys {
  const legacy = new TextEncoder().encode(secret);
  if (!secret.startsWith(STANDARD_PREFIX)) return { legacy, standard: legacy };

  const standard = decodeStandard(secret);
  if (standard === undefined) throw new TypeError('the secret is not canonical base64');
  return { legacy, standard };
}

/**
 * The same key as the libraries of Standard Webhooks want it: they decode base64 and know nothing
 * else. Of a secret that is not `whsec_…` already, this is for them alone: its legacy key differs.
 */
export function standardSpelling(secret: string): string {
  if (secret.startsWith(STANDARD_PREFIX)) return secret;
  return STANDARD_PREFIX + encodeBase64(secretKeys(secret).standard);
}

/**
 * Why a webhook may not have this secret, as a sentence that never repeats it; undefined if it may.
 * The documented `your_webhook_secret` has to pass, hence the low minimum.
 */
export function secretFault(secret: string): string | undefined {
  if (!isPrintable(secret)) return NOT_PRINTABLE;
  if (secret.length < SECRET_LENGTH_MIN || secret.length > SECRET_LENGTH_MAX) {
    return `A secret must have ${SECRET_LENGTH_MIN} to ${SECRET_LENGTH_MAX} characters.`;
  }
  if (!secret.startsWith(STANDARD_PREFIX)) return undefined;

  const bytes = decodeStandard(secret)?.length ?? 0;
  if (bytes >= STANDARD_KEY_BYTES_MIN && bytes <= STANDARD_KEY_BYTES_MAX) return undefined;
  return (
    `A secret that starts with ${STANDARD_PREFIX} must go on with canonical base64 ` +
    `of ${STANDARD_KEY_BYTES_MIN} to ${STANDARD_KEY_BYTES_MAX} bytes.`
  );
}

/**
 * Why a receiver cannot verify with this secret. Wider than `secretFault`: the standard spelling of
 * an allowed secret is allowed here, and that has 16 to 256 bytes.
 */
export function receiverSecretFault(secret: string): string | undefined {
  if (secret !== secret.trim()) return 'It has white space before or behind it: trim it.';
  if (!isPrintable(secret)) return NOT_PRINTABLE;
  const isStandard = secret.startsWith(STANDARD_PREFIX);
  const bytes = isStandard ? decodeStandard(secret)?.length : secret.length;
  if (bytes === undefined) {
    return `A secret that starts with ${STANDARD_PREFIX} must go on with canonical base64.`;
  }
  if (bytes >= SECRET_LENGTH_MIN && bytes <= SECRET_LENGTH_MAX) return undefined;
  return `A secret has ${SECRET_LENGTH_MIN} to ${SECRET_LENGTH_MAX} bytes.`;
}

const NOT_PRINTABLE =
  'A secret must consist of printable ASCII characters, U+0021 to U+007E: no spaces, no line ends.';

function isPrintable(secret: string): boolean {
  return /^[\x21-\x7e]*$/.test(secret);
}

function decodeStandard(secret: string): Uint8Array | undefined {
  return decodeCanonicalBase64(secret.slice(STANDARD_PREFIX.length));
}
