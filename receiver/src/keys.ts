import { PRIVATE_KEY_PREFIX, PUBLIC_KEY_PREFIX, type PublicKey, publicKey } from './ed25519.ts';
import { WebhookVerificationError } from './errors.ts';
import { type KeyedHmac, keyedHmac } from './hmac.ts';
import { receiverSecretFault, secretKeys } from './secret.ts';

/** One secret, made ready: either both HMAC keys or the public key. */
export type VerificationKey =
  | { readonly kind: 'hmac'; readonly legacy: KeyedHmac; readonly standard: KeyedHmac }
  | { readonly kind: 'ed25519'; readonly publicKey: PublicKey };

/** As `verify` takes them. */
export type Secrets = string | undefined | readonly (string | undefined)[];

/**
 * Ready keys by their secret: making one takes longer than verifying with it. A receiver of many
 * accounts may have more secrets than are kept, and then makes their keys again.
 */
const readyKeys = new Map<string, VerificationKey>();
const READY_KEYS_MAX = 1000;

/** @throws WebhookVerificationError `secret_missing` or `secret_malformed`. */
export function verificationKeys(secrets: Secrets): VerificationKey[] {
  // One secret is the usual case, and its key is ready: nothing has to be made for it.
  const ready = typeof secrets === 'string' ? readyKeys.get(secrets) : undefined;
  if (ready !== undefined) return [ready];
  const keys = presentSecrets(secrets).map(readyKey);
  if (keys.length === 0) throw new WebhookVerificationError('secret_missing');
  return keys;
}

/** Those that are set: an environment variable that is not there is undefined or empty. */
export function presentSecrets(secrets: Secrets): string[] {
  return [secrets].flat().filter(Boolean) as string[];
}

function readyKey(secret: string): VerificationKey {
  const ready = readyKeys.get(secret);
  if (ready !== undefined) return ready;

  const key = newKey(secret);
  if (readyKeys.size >= READY_KEYS_MAX) readyKeys.clear();
  readyKeys.set(secret, key);
  return key;
}

function newKey(secret: string): VerificationKey {
  if (typeof secret !== 'string') throw malformed('A secret is text.');
  if (secret.startsWith(PRIVATE_KEY_PREFIX)) {
    throw malformed(`This key signs; verify with ${PUBLIC_KEY_PREFIX}…`);
  }
  if (secret.startsWith(PUBLIC_KEY_PREFIX)) {
    const key = publicKey(secret);
    if (key !== undefined) return { kind: 'ed25519', publicKey: key };
    throw malformed(`After ${PUBLIC_KEY_PREFIX} comes canonical base64 of 32 bytes.`);
  }
  const fault = receiverSecretFault(secret);
  if (fault !== undefined) throw malformed(fault);
  const { legacy, standard } = secretKeys(secret);
  return { kind: 'hmac', legacy: keyedHmac(legacy), standard: keyedHmac(standard) };
}

function malformed(detail: string): WebhookVerificationError {
  return new WebhookVerificationError('secret_malformed', detail);
}
