import { PosthornError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';

/** How long a call waits until the owner of a webhook goes by what was stored. */
export const ACKNOWLEDGE_MS_MAX = 2_000;
const RETRY_AFTER_SECONDS = 1;

/** Waits for the owner; throws `change_pending` when it has not said so in time. */
export async function expectAcknowledged(clock: Clock, said: Promise<void>): Promise<void> {
  if (await isAcknowledged(clock, said)) return;
  throw new PosthornError(
    'change_pending',
    'The change is stored; an attempt may still start under what was before: send the same call again in a moment.',
    { retryAfterSeconds: RETRY_AFTER_SECONDS },
  );
}

/** Whether the owner said so in time. One that cannot read the store now has not, and goes on by itself. */
export async function isAcknowledged(clock: Clock, said: Promise<void>): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = clock.after(ACKNOWLEDGE_MS_MAX, () => late.resolve(false));
  try {
    return await Promise.race([said.then(() => true), late.promise]);
  } catch (error) {
    if (error instanceof PosthornError && error.code === 'store_unavailable') return false;
    throw error;
  } finally {
    timer.cancel();
  }
}
