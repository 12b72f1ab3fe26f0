import { PosthornError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';

/** What is asked for, or `store_unavailable` when there is no answer in time; whether it happens all the same is not known. */
export async function within<Result>(
  clock: Clock,
  limitMs: number,
  asked: Promise<Result>,
): Promise<Result> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(limitMs, () =>
    late.reject(new PosthornError('store_unavailable', `No answer in ${limitMs} ms.`)),
  );
  try {
    return await Promise.race([asked, late.promise]);
  } finally {
    timer.cancel();
  }
}
