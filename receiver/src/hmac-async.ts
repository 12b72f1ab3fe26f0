import { hmacWith, importHmacKey } from './web-crypto.ts';

/** An `Hmac` for every runtime with WebCrypto. It rejects an empty key, as WebCrypto does. */
export async function hmacAsync(
  key: Uint8Array,
  content: readonly (string | Uint8Array)[],
  encoding: 'hex' | 'base64',
): Promise<string> {
  return await hmacWith(await importHmacKey(key), content, encoding);
}
