const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const PATTERN = /^(\d{1,9})(ms|s|m|h|d)$/;

/** `90s`, `5m`, `1h` … as milliseconds; undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
}

/** As it is given at the API: a whole number of seconds, or text; undefined when it is neither. */
export function readDuration(given: number | string): number | undefined {
  if (typeof given === 'string') return parseDuration(given);
  return Number.isSafeInteger(given) && given >= 0 ? given * UNITS.s : undefined;
}

/** The shortest spelling that `parseDuration` reads back: 300000 → `5m`. */
export function formatDuration(ms: number): string {
  const units = Object.entries(UNITS).toReversed();
  const [name, size] = units.find(([, size]) => ms % size === 0 && ms >= size) ?? ['s', 1_000];
  return `${ms / size}${name}`;
}
