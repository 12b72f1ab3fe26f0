/** RFC 3339 in UTC with whole seconds, as the documented `created_at` members have it. */
export function wholeSeconds(ms: number): string {
  const second = Math.floor(ms / 1_000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastText = `${new Date(second * 1_000).toISOString().slice(0, 19)}Z`;
  }
  return lastText;
}

/** Thousands of events share a second; formatting it is a microsecond each time. */
let lastSecond = Number.NaN;
let lastText = '';

/** RFC 3339 in UTC with milliseconds, for what is measured. */
export function milliseconds(ms: number): string {
  return new Date(ms).toISOString();
}
