/**
 * When attempts of a webhook began, for its rate limit after a restart. Where it has had a limit for
 * longer than the span, an index of `sent_at` has exactly what was sent: every start of the server
 * asks that for each lane with a limit.
 *
 * For a limit that was set within the span a bounded number of deliveries is looked at: those around
 * the oldest that was never tried (those before it were tried last), and those to be tried again that
 * are due last. That is exact while a webhook has at most so many of each. Missed is what was tried
 * again for the last time within the span, if more than so many deliveries were accepted after it and
 * tried since.
 */
export const LOOKED_AT_MAX = 20_000;
/**
 * More than the clock of who sets a limit, and the commit of it, can be away from the first settlement. Another
 * node may set it, with a clock that is minutes behind: taken at its word, nothing of the time before counted.
 */
const SETTING_MS_MAX = 10 * 60_000;

/** Whether everything that was sent since then is in the index. */
export function isKeptSince(rateLimitedSince: unknown, since: number): boolean {
  return typeof rateLimitedSince === 'number' && rateLimitedSince + SETTING_MS_MAX <= since;
}
