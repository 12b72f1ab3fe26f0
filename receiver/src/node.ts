import { createHmac, type KeyObject } from 'node:crypto';

export { nodeHandler } from './adapters/node.ts';

/** An `Hmac` that answers at once. A `KeyObject` as the key does not show its bytes when logged. */
export function hmacSync(
  key: KeyObject | Uint8Array,
  content: readonly (string | Uint8Array)[],
  encoding: 'hex' | 'base64',
): string {
  const hmac = createHmac('sha256', key);
  for (const part of content) hmac.update(part);
  return hmac.digest(encoding);
}
