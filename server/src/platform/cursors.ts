import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Cursors } from '../core/ports.ts';

const TAG_BYTES = 12;

/** Cursors that nobody can make up: the position, and a tag over it and the list it belongs to. */
export function createCursors(encryptionKey: Uint8Array): Cursors {
  const key = new Uint8Array(hkdfSync('sha256', encryptionKey, '', 'posthorn cursors', 32));
  const tag = (position: Uint8Array, list: string) =>
    createHmac('sha256', key)
      .update(position)
      .update('\0')
      .update(list)
      .digest()
      .subarray(0, TAG_BYTES);

  return {
    write(position, list) {
      const bytes = Buffer.from(position);
      return Buffer.concat([tag(bytes, list), bytes]).toString('base64url');
    },
    read(cursor, list) {
      const bytes = Buffer.from(cursor, 'base64url');
      if (bytes.length <= TAG_BYTES) return null;
      const position = bytes.subarray(TAG_BYTES);
      if (!timingSafeEqual(bytes.subarray(0, TAG_BYTES), tag(position, list))) return null;
      return position.toString('utf8');
    },
  };
}
