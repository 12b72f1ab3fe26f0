/**
 * PostgreSQL's text holds every character but U+0000, which a description or a receiver's answer may
 * well have. It is written as a pair that begins with U+001A, and a U+001A as two of them; so what is
 * read is what was written, and nearly every text is stored as it is.
 */
const NUL = '\0';
const ESCAPE = '\u001a';
const PAIR = new RegExp(`${ESCAPE}([0${ESCAPE}])`, 'g');

/** A parameter as it is sent: a value, or the values of a column of many rows. */
export function written(value: unknown): unknown {
  if (typeof value === 'string') return escaped(value);
  return Array.isArray(value) ? arrayLiteral(value) : value;
}

/** A text as it was before it was written. */
export function read(text: string): string {
  if (!text.includes(ESCAPE)) return text;
  return text.replace(PAIR, (_, second) => (second === '0' ? NUL : ESCAPE));
}

function escaped(text: string): string {
  if (!text.includes(NUL) && !text.includes(ESCAPE)) return text;
  return text.replaceAll(ESCAPE, ESCAPE + ESCAPE).replaceAll(NUL, `${ESCAPE}0`);
}

/** https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO */
function arrayLiteral(values: readonly unknown[]): string {
  return `{${values.map(element).join(',')}}`;
}

function element(value: unknown): string {
  if (value === null) return 'NULL';
  if (typeof value !== 'string') return String(value);
  const text = escaped(value);
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text}"`;
}
