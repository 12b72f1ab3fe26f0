/** A receiver cannot hold its deliveries up for longer. */
export const HOLD_MS_MAX = 24 * 60 * 60_000;

/** RFC 9110, 5.6.7: the form that is sent, and the two obsolete ones that are still read. */
const HTTP_DATE =
  /^(?:\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT|\w{6,9}, \d{2}-\w{3}-\d{2} \d{2}:\d{2}:\d{2} GMT|\w{3} \w{3} [ \d]\d \d{2}:\d{2}:\d{2} \d{4})$/;

/**
 * The moment that a `Retry-After` header names (RFC 9110, 10.2.3: seconds or a date), at most a day
 * away; null when it names none, or one that has passed.
 */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  const at = /^\d+$/.test(text) ? now + Number(text) * 1_000 : dateOf(text);
  if (Number.isNaN(at) || at <= now) return null;
  return Math.min(at, now + HOLD_MS_MAX);
}

function dateOf(text: string): number {
  if (!HTTP_DATE.test(text)) return Number.NaN;
  return Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
}
