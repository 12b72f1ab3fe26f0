import { decodeCanonicalBase64 } from './base64.ts';
import { joined } from './web-crypto.ts';

/** What Standard Webhooks puts before a public key, and before the private one that signs. */
export const PUBLIC_KEY_PREFIX = 'whpk_';
export const PRIVATE_KEY_PREFIX = 'whsk_';

const PUBLIC_KEY_BYTES = 32;

/** A public key that was made ready once. It can verify, and nobody can sign with it. */
export interface PublicKey {
  /** Whether a signature in base64 signs the parts in order (RFC 8032, Ed25519). */
  verifies(signature: string, content: readonly (string | Uint8Array)[]): Promise<boolean>;
}

/** Undefined unless it is `whpk_` and canonical base64 of 32 bytes. */
export function publicKey(secret: string): PublicKey | undefined {
  const bytes = decodeCanonicalBase64(secret.slice(PUBLIC_KEY_PREFIX.length));
  if (bytes?.length !== PUBLIC_KEY_BYTES) return undefined;

  let imported: Promise<CryptoKey> | undefined;
  return {
    async verifies(signature, content) {
      const given = decodeCanonicalBase64(signature);
      if (given === undefined) return false;
      const { subtle } = globalThis.crypto;
      imported ??= subtle.importKey('raw', bytes, 'Ed25519', false, ['verify']);
      return await subtle.verify('Ed25519', await imported, given, joined(content));
    },
  };
}
