import { encodeBase64 } from './base64.ts';

const HMAC_SHA256 = { name: 'HMAC', hash: 'SHA-256' };

/** An `Hmac` for every runtime with WebCrypto. It rejects an empty key, as WebCrypto does. */
export async function hmacAsync(
  key: Uint8Array,
  content: readonly (string | Uint8Array)[],
  encoding: 'hex' | 'base64',
): Promise<string> {
  const { subtle } = globalThis.crypto;
  const imported = await subtle.importKey('raw', joined([key]), HMAC_SHA256, false, ['sign']);
  const digest = new Uint8Array(await subtle.sign('HMAC', imported, joined(content)));
  return encoding === 'hex' ? encodeHex(digest) : encodeBase64(digest);
}

/** WebCrypto signs one piece only, and takes no memory that is shared between threads: copy. */
function joined(content: readonly (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
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
