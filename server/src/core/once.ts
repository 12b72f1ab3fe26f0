import { PosthornError } from './errors.ts';
import type { Earlier, OnceRecord, OnceResult, Vault } from './ports.ts';

/** What a call with an idempotency key answers, now and when it is repeated. */
export interface StoredAnswer {
  status: number;
  body: string;
}

/**
 * A caller's wish that a call happens once. `answer` makes what is answered, out of the call's result:
 * it is stored in the transaction of the call, so it has to be known before the commit.
 */
export interface Once<Result> {
  /** As sent, without quotes. */
  key: string;
  /** A digest of the call. */
  fingerprint: string;
  answer: (result: Result) => StoredAnswer;
}

/** A result, or what was answered when the same call came first. */
export type Outcome<Result> = { result: Result } | { replay: StoredAnswer };

export interface OncePorts {
  vault: Vault;
  keepMs: number;
}

/** The record of a call, to be written with it; `hasSecret`: the answer shows one. */
export function onceRecord<Result>(
  once: Once<Result> | undefined,
  result: Result,
  call: { accountId: string; now: number; hasSecret?: boolean },
  { vault, keepMs }: OncePorts,
): OnceRecord | undefined {
  if (once === undefined) return undefined;
  const { key, fingerprint } = once;
  const { status, body } = once.answer(result);
  const sealed = call.hasSecret ?? false;
  return {
    key,
    fingerprint,
    status,
    body: sealed ? vault.seal(body, answerPlace(call.accountId, key)) : body,
    sealed,
    createdAt: call.now,
    expiresAt: call.now + keepMs,
  };
}

/** What the store said, as the caller sees it. Throws when the key was used for another call. */
export function outcomeOf<Result>(
  said: OnceResult<Result>,
  once: Once<never> | undefined,
  accountId: string,
  vault: Vault,
): Outcome<Result> {
  if ('result' in said || once === undefined) return said as { result: Result };
  return { replay: replayOf(said.earlier, once, accountId, vault) };
}

function replayOf(
  earlier: Earlier,
  { key, fingerprint }: Once<never>,
  accountId: string,
  vault: Vault,
): StoredAnswer {
  if (earlier.fingerprint !== fingerprint) {
    throw new PosthornError(
      'idempotency_key_reused',
      'This Idempotency-Key was used for another call: take a new key for each new call.',
    );
  }
  if (earlier.status === null) {
    throw new PosthornError(
      'idempotency_in_progress',
      'The call with this Idempotency-Key is still in progress: ask again in a moment.',
      { retryAfterSeconds: 1 },
    );
  }
  const { status, body, sealed } = earlier;
  return { status, body: sealed ? vault.open(body, answerPlace(accountId, key)) : body };
}

function answerPlace(accountId: string, key: string): string {
  return `${accountId}/idempotency/${key}/body`;
}
