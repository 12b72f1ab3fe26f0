import { ACKNOWLEDGE_MS_MAX } from '../core/acknowledgement.ts';
import { type ErrorCode, PosthornError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';

const RETRY_AFTER_SECONDS = 1;
const NOT_YET: ReadonlySet<ErrorCode> = new Set(['store_unavailable', 'change_pending']);

/** Waits for the owner; throws `change_pending` when it has not said so in time. */
export async function expectAcknowledged(clock: Clock, said: Promise<void>): Promise<void> {
  if (await isAcknowledged(clock, said)) return;
  throw new PosthornError(
    'change_pending',
    'The change is stored; an attempt may still start under what was before: send the same call again in a moment.',
    { retryAfterSeconds: RETRY_AFTER_SECONDS },
  );
}

/**
 * Whether the owner said so in time. One that cannot read the store now has not, and goes on by itself; nor
 * has one at another node that is not known to have heard.
 */
export async function isAcknowledged(clock: Clock, said: Promise<void>): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = clock.after(ACKNOWLEDGE_MS_MAX, () => late.resolve(false));
  try {
    return await Promise.race([said.then(() => true), late.promise]);
  } catch (error) {
    if (error instanceof PosthornError && NOT_YET.has(error.code)) return false;
    throw error;
  } finally {
    timer.cancel();
  }
}
