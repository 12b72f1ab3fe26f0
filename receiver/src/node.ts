import * as crypto from 'node:crypto';
import { type KeyedHmac, keyedHmac, type NodeCrypto } from './hmac.ts';

export { nodeHandler } from './adapters/node.ts';
export { digestWith } from './hmac.ts';

/** An `Hmac` that answers at once. A `KeyObject` as the key does not show its bytes when logged. */
export function hmacSync(
  key: crypto.KeyObject | Uint8Array,
  content: readonly (string | Uint8Array)[],
  encoding: 'hex' | 'base64',
): string {
  const hmac = crypto.createHmac('sha256', key);
  for (const part of content) hmac.update(part);
  return hmac.digest(encoding);
}

export type ReadyKey = KeyedHmac<string>;

/** For whoever signs much: made ready once, it digests what is short in half of the time. */
export function readyKey(bytes: Uint8Array): ReadyKey {
  return keyedHmac(bytes, crypto as NodeCrypto);
}
