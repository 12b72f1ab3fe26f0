import type { Clock, Random } from './ports.ts';

/**
 * Public ids: a prefix that names the kind, then 24 characters of base 62: 8 of time (milliseconds),
 * 2 of a count within that millisecond, 14 at random (83 bits). They sort by time as bytes, and
 * those of one process strictly in the order in which they were made.
 */
export const ID_PREFIXES = {
  account: 'acc_',
  webhook: 'wh_',
  event: 'evt_',
  testEvent: 'evt_test_',
  delivery: 'del_',
  attempt: 'att_',
  recovery: 'rec_',
  request: 'req_',
  node: 'node_',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;
/** `beside`, another's id: this one begins with the same moment. */
export type NewId = (kind: IdKind, beside?: string) => string;

/** The account that a fresh installation has, and that the operator's key speaks for. */
export const DEFAULT_ACCOUNT_ID = 'acc_default';

/** In the order of their code points, so that ids sort as bytes. */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE = DIGITS.length;
const TIME_DIGITS = 8;
const TIME_MAX = BASE ** TIME_DIGITS - 1;
const COUNT_DIGITS = 2;
const COUNT_MAX = BASE ** COUNT_DIGITS;
const RANDOM_DIGITS = 14;
/** The time, and the count within it. */
export const MOMENT_DIGITS = TIME_DIGITS + COUNT_DIGITS;

export function createIds({ clock, random }: { clock: Clock; random: Random }): NewId {
  let lastMs = -1;
  let count = 0;
  let time = '';

  return (kind, beside) => {
    const moment = beside === undefined ? nextMoment() : momentOf(beside);
    return ID_PREFIXES[kind] + moment + randomDigits(random, RANDOM_DIGITS);
  };

  function nextMoment(): string {
    const now = clock.now();
    if (now > lastMs) startMillisecond(now);
    else if (++count === COUNT_MAX) startMillisecond(lastMs + 1);
    return time + digit(Math.floor(count / BASE)) + digit(count % BASE);
  }

  function startMillisecond(ms: number): void {
    lastMs = ms;
    count = 0;
    time = encode(ms, TIME_DIGITS);
  }
}

/** With which the id begins, with or without its prefix. */
export function momentOf(id: string): string {
  const from = id.lastIndexOf('_') + 1;
  return id.slice(from, from + MOMENT_DIGITS);
}

/** So many digits of base 62. A byte's low six bits are one; 62 and 63 are drawn again: none is likelier. */
export function randomDigits(random: Random, count: number): string {
  let text = '';
  while (text.length < count) {
    const value = random.byte() & 63;
    if (value < BASE) text += DIGITS[value];
  }
  return text;
}

function encode(value: number, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest = Math.floor(rest / BASE)) {
    text = digit(rest % BASE) + text;
  }
  return text;
}

function digit(value: number): string {
  return DIGITS.charAt(value);
}

/** What every id made at or after this moment sorts behind, without its prefix. */
export function firstIdAt(ms: number): string {
  return encode(Math.min(Math.max(0, Math.ceil(ms)), TIME_MAX), TIME_DIGITS);
}

/** Whether this could be an id of that kind; anything else is answered like an unknown one. */
export function isIdOf(kind: IdKind, id: string): boolean {
  const prefix = ID_PREFIXES[kind];
  return id.startsWith(prefix) && /^[A-Za-z0-9]{1,64}$/.test(id.slice(prefix.length));
}
