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

const RFC_3339 =
  /^\d{4}-\d{2}-\d{2}[Tt]([01]\d|2[0-3]):\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

/** A moment as RFC 3339 writes it; undefined when it is not one. */
export function parseMoment(text: string): number | undefined {
  if (!RFC_3339.test(text) || !isDay(text.slice(0, 10))) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** The parser takes 30 February for 2 March. */
function isDay(day: string): boolean {
  const ms = Date.parse(day);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}
