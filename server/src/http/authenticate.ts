import { hash, timingSafeEqual } from 'node:crypto';
import { PosthornError } from '../core/errors.ts';

/** Who a request comes from. */
export interface Caller {
  accountId: string;
  /** Tells keys apart; nothing of the key itself is in it. */
  keyId: string;
}

/** Answers who a request comes from, or throws `unauthorized`. */
export type Authenticate = (authorization: string | undefined) => Caller;

/** Headers with a valid key that are known again; one key can be written in more than one way. */
const ACCEPTED_MAX = 1_000;

/**
 * Keys that speak for one account each; compared as digests, in constant time. A header that was accepted is
 * known again without: it is found by V8's hash of all of it, which has a secret seed, so that how long it
 * takes tells nothing of a key that is nearly right.
 */
export function createAuthenticate(
  keys: readonly { key: string; accountId: string }[],
): Authenticate {
  const known = keys.map(({ key, accountId }, index) => {
    return { digest: digest(key), caller: { accountId, keyId: String(index) } };
  });

  const accepted = new Map<string, Caller>();

  return (authorization = '') => {
    const before = accepted.get(authorization);
    if (before !== undefined) return before;
    const given = bearer(authorization);
    const offered = digest(given);
    let caller: Caller | null = null;
    for (const key of known) {
      if (timingSafeEqual(key.digest, offered)) ({ caller } = key);
    }
    if (caller === null) {
      throw new PosthornError('unauthorized', 'This API key is not known here.');
    }
    if (accepted.size >= ACCEPTED_MAX) accepted.clear();
    accepted.set(authorization, caller);
    return caller;
  };
}

function bearer(authorization: string): string {
  const match = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization);
  if (match?.[1] !== undefined) return match[1];
  throw new PosthornError('unauthorized', 'Send your API key: "Authorization: Bearer phk_…".');
}

function digest(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}
