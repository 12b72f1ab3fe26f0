/** RFC 3339 in UTC with whole seconds, as the documented `created_at` members have it. */
export function wholeSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** RFC 3339 in UTC with milliseconds, for what is measured. */
export function milliseconds(ms: number): string {
  return new Date(ms).toISOString();
}
