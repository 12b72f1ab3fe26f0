import { encodeBase64 } from './base64.ts';

const HMAC_SHA256 = { name: 'HMAC', hash: 'SHA-256' };

type Content = readonly (string | Uint8Array)[];
type Encoding = 'hex' | 'base64';

export function importHmacKey(key: Uint8Array): Promise<CryptoKey> {
  const { subtle } = globalThis.crypto;
  return subtle.importKey('raw', joined([key]), HMAC_SHA256, false, ['sign']);
}

export async function hmacWith(
  key: CryptoKey,
  content: Content,
  encoding: Encoding,
): Promise<string> {
  const digest = await globalThis.crypto.subtle.sign('HMAC', key, joined(content));
  const bytes = new Uint8Array(digest);
  return encoding === 'hex' ? encodeHex(bytes) : encodeBase64(bytes);
}

/** WebCrypto takes one piece only, and no memory that is shared between threads: copy. */
export function joined(content: Content): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const parts = content.map((part) => (typeof part === 'string' ? encoder.encode(part) : part));
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function encodeHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
