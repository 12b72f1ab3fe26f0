import { decodeCanonicalBase64 } from './base64.ts';

/** What Standard Webhooks puts before a secret in base64. */
export const STANDARD_PREFIX = 'whsec_';

/** Characters of a secret as a webhook's owner may give it. */
export const SECRET_LENGTH_MIN = 16;
export const SECRET_LENGTH_MAX = 256;

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
  if (standard === undefined) throw new TypeError('not canonical base64');
  return { legacy, standard };
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
    return `After ${STANDARD_PREFIX} comes canonical base64.`;
  }
  if (bytes >= SECRET_LENGTH_MIN && bytes <= SECRET_LENGTH_MAX) return undefined;
  return `A secret has ${SECRET_LENGTH_MIN} to ${SECRET_LENGTH_MAX} bytes.`;
}

export const NOT_PRINTABLE =
  'A secret has printable ASCII characters alone: no spaces, no line ends.';

export function isPrintable(secret: string): boolean {
  return /^[\x21-\x7e]*$/.test(secret);
}

/** Undefined when what follows `whsec_` is not canonical base64. */
export function decodeStandard(secret: string): Uint8Array | undefined {
  return decodeCanonicalBase64(secret.slice(STANDARD_PREFIX.length));
}
