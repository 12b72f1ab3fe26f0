// What a sender has to know of secrets beyond signing; receivers do not need it.
import { encodeBase64 } from './base64.ts';
import { PRIVATE_KEY_PREFIX, PUBLIC_KEY_PREFIX } from './ed25519.ts';
import {
  decodeStandard,
  isPrintable,
  NOT_PRINTABLE,
  SECRET_LENGTH_MAX,
  SECRET_LENGTH_MIN,
  STANDARD_PREFIX,
  secretKeys,
} from './secret.ts';

export { hmacAsync } from './hmac-async.ts';

/** Decoded bytes of a secret given as `whsec_…` (Standard Webhooks 1.0.0: 192 to 512 bits). */
export const STANDARD_KEY_BYTES_MIN = 24;
export const STANDARD_KEY_BYTES_MAX = 64;

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
  if (secret.startsWith(PRIVATE_KEY_PREFIX) || secret.startsWith(PUBLIC_KEY_PREFIX)) {
    return `${PRIVATE_KEY_PREFIX} and ${PUBLIC_KEY_PREFIX} begin keys of ed25519, which no webhook has yet.`;
  }
  if (!secret.startsWith(STANDARD_PREFIX)) return undefined;

  const bytes = decodeStandard(secret)?.length ?? 0;
  if (bytes >= STANDARD_KEY_BYTES_MIN && bytes <= STANDARD_KEY_BYTES_MAX) return undefined;
  return (
    `A secret that starts with ${STANDARD_PREFIX} must go on with canonical base64 ` +
    `of ${STANDARD_KEY_BYTES_MIN} to ${STANDARD_KEY_BYTES_MAX} bytes.`
  );
}
