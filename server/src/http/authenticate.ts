import { hash, timingSafeEqual } from 'node:crypto';
import { PosthornError } from '../core/errors.ts';

/** Answers the account that a request speaks for, or throws `unauthorized`. */
export type Authenticate = (authorization: string | undefined) => string;

/** Keys that speak for one account each; compared as digests, in constant time. */
export function createAuthenticate(
  keys: readonly { key: string; accountId: string }[],
): Authenticate {
  const known = keys.map(({ key, accountId }) => ({ digest: digest(key), accountId }));

  return (authorization) => {
    const given = bearer(authorization);
    const offered = digest(given);
    let accountId: string | null = null;
    for (const key of known) {
      if (timingSafeEqual(key.digest, offered)) accountId = key.accountId;
    }
    if (accountId === null) {
      throw new PosthornError('unauthorized', 'This API key is not known here.');
    }
    return accountId;
  };
}

function bearer(authorization: string | undefined): string {
  const match = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '');
  if (match?.[1] !== undefined) return match[1];
  throw new PosthornError('unauthorized', 'Send your API key: "Authorization: Bearer phk_…".');
}

function digest(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}
