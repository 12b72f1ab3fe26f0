import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { Vault } from '../core/ports.ts';

export const ENCRYPTION_KEY_BYTES = 32;
const FORMAT = 'v1';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM with a random nonce each time. Sealed text is `v1.<key id>.<base64 of nonce, tag and
 * ciphertext>`: the key id stands beside it so that the master key can be changed.
 */
export function createVault(key: Uint8Array): Vault {
  if (key.length !== ENCRYPTION_KEY_BYTES) throw new RangeError('the encryption key has 32 bytes');
  const keyId = createHash('sha256')
    .update('posthorn key id\0')
    .update(key)
    .digest('hex')
    .slice(0, 8);

  return {
    seal(plain, place) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, iv);
      cipher.setAAD(Buffer.from(place));
      const text = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      const bytes = Buffer.concat([iv, cipher.getAuthTag(), text]);
      return `${FORMAT}.${keyId}.${bytes.toString('base64')}`;
    },
    open(sealed, place) {
      const [format, sealedWith, encoded] = sealed.split('.');
      if (format !== FORMAT || encoded === undefined) throw new Error('not a sealed value');
      if (sealedWith !== keyId) {
        throw new Error(`sealed with key ${sealedWith}, but the key in use is ${keyId}`);
      }
      const bytes = Buffer.from(encoded, 'base64');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(place));
      decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      const text = decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES));
      return Buffer.concat([text, decipher.final()]).toString('utf8');
    },
  };
}
