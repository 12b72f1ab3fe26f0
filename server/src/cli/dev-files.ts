import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomDigits } from '../core/ids.ts';
import { createRandom } from '../platform/random.ts';
import { ENCRYPTION_KEY_BYTES } from '../platform/vault.ts';

/** An API key has 256 bits, and a prefix by which people and scanners know it. */
const KEY_DIGITS = 43;

/** What `dev` makes for itself and keeps in its data directory, readable by its owner alone. */
export function devApiKey(dataDir: string): string {
  return kept(
    join(dataDir, 'dev-api-key'),
    () => `phk_${randomDigits(createRandom(), KEY_DIGITS)}`,
  );
}

export function devEncryptionKey(dataDir: string): Uint8Array {
  const make = () => Buffer.from(createRandom().bytes(ENCRYPTION_KEY_BYTES)).toString('base64');
  return Buffer.from(kept(join(dataDir, 'dev-encryption-key'), make), 'base64');
}

function kept(path: string, make: () => string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  mkdirSync(join(path, '..'), { recursive: true });
  const value = make();
  writeFileSync(path, `${value}\n`, { mode: 0o600 });
  // The mode above is what is left of it under the user's mask; this one is exact.
  chmodSync(path, 0o600);
  return value;
}
