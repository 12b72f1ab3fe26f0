/**
 * What `JSON.parse` says nothing about: duplicate members, numbers that a double cannot hold, names
 * that poison prototypes, half surrogate pairs, depth; and, for text that it refuses, where.
 *
 * One pass over the text, without recursion: the cost is linear and no input can exhaust the stack.
 */
export interface JsonFault {
  code:
    | 'syntax'
    | 'duplicate_member'
    | 'number_not_exact'
    | 'name_not_allowed'
    | 'lone_surrogate'
    | 'too_deep';
  /** RFC 6901, of the member or element at fault. */
  pointer: string;
  /** Index of the character at which it was noticed. */
  position: number;
  detail: string;
}

interface Open {
  isObject: boolean;
  /** The member being read, decoded; unused in arrays. */
  name: string;
  /** The index of the element being read; unused in objects. */
  index: number;
  names: string[];
  /** Takes over from `names` where there are many. */
  nameSet: Set<string> | null;
}

const NAMES_IN_ARRAY_MAX = 12;
/** A double holds every decimal number of so many significant digits. */
const DIGITS_ALWAYS_EXACT = 15;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** The first fault in the text, or null when there is none. */
export function scanJson(text: string, depthMax: number): JsonFault | null {
  return new JsonScan(text, depthMax).run();
}

class JsonScan {
  readonly #text: string;
  readonly #depthMax: number;
  readonly #open: Open[] = [];
  #at = 0;
  #fault: JsonFault | null = null;

  constructor(text: string, depthMax: number) {
    this.#text = text;
    this.#depthMax = depthMax;
  }

  run(): JsonFault | null {
    if (this.#value()) {
      // Each turn is behind a value: it goes on to the next one, or closes what is open.
      while (this.#open.length > 0 && this.#next());
    }
    if (this.#fault !== null) return this.#fault;
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#syntax('Nothing may follow the value');
    return this.#fault;
  }

  /** Reads a scalar, or opens an object or array and reads up to its first value. */
  #value(): boolean {
    for (;;) {
      this.#skipSpace();
      const code = this.#text.charCodeAt(this.#at);
      if (code === QUOTE) return this.#skipString();
      if (code === 0x7b || code === 0x5b) {
        const opened = this.#openContainer(code === 0x7b);
        if (opened === 'empty') return true;
        if (opened === 'fault') return false;
        continue;
      }
      if (code === MINUS || (code >= ZERO && code <= NINE)) return this.#number();
      return this.#word('true') || this.#word('false') || this.#word('null') || this.#unexpected();
    }
  }

  #openContainer(isObject: boolean): 'empty' | 'value follows' | 'fault' {
    if (this.#open.length === this.#depthMax) {
      this.#report('too_deep', `JSON may be nested at most ${this.#depthMax} levels.`);
      return 'fault';
    }
    this.#at += 1;
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) === (isObject ? 0x7d : 0x5d)) {
      this.#at += 1;
      return 'empty';
    }
    this.#open.push({ isObject, name: '', index: 0, names: [], nameSet: null });
    if (!isObject) return 'value follows';
    return this.#memberName() ? 'value follows' : 'fault';
  }

  /** Behind a value inside a container: a comma and the next value, or the end of the container. */
  #next(): boolean {
    const open = this.#open[this.#open.length - 1];
    if (open === undefined) return false;
    this.#skipSpace();
    const code = this.#text.charCodeAt(this.#at);
    if (code === (open.isObject ? 0x7d : 0x5d)) {
      this.#at += 1;
      this.#open.pop();
      return true;
    }
    if (code !== 0x2c) return this.#syntax(`Expected "," or "${open.isObject ? '}' : ']'}"`);
    this.#at += 1;
    if (open.isObject) {
      if (!this.#memberName()) return false;
    } else {
      open.index += 1;
    }
    return this.#value();
  }

  #memberName(): boolean {
    const open = this.#open[this.#open.length - 1];
    this.#skipSpace();
    if (open === undefined || this.#text.charCodeAt(this.#at) !== QUOTE) {
      return this.#syntax('Expected a member name in double quotes');
    }
    const begin = this.#at;
    const name = this.#string();
    if (name === null) return false;
    open.name = name;
    if (this.#isDuplicate(open, name)) {
      this.#at = begin;
      return this.#report('duplicate_member', `The member "${shown(name)}" stands here twice.`);
    }
    if (name === '__proto__' || (name === 'prototype' && this.#parentName() === 'constructor')) {
      this.#at = begin;
      return this.#report('name_not_allowed', `The member name "${shown(name)}" is not allowed.`);
    }
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) !== 0x3a) return this.#syntax('Expected ":"');
    this.#at += 1;
    return true;
  }

  #isDuplicate(open: Open, name: string): boolean {
    if (open.nameSet !== null) {
      if (open.nameSet.has(name)) return true;
      open.nameSet.add(name);
      return false;
    }
    if (open.names.includes(name)) return true;
    if (open.names.push(name) === NAMES_IN_ARRAY_MAX) open.nameSet = new Set(open.names);
    return false;
  }

  #parentName(): string | undefined {
    const parent = this.#open[this.#open.length - 2];
    return parent?.isObject ? parent.name : undefined;
  }

  /** The decoded text of the string that begins here; null after a fault. */
  #string(): string | null {
    const begin = this.#at;
    if (!this.#skipString()) return null;
    const name = this.#text.slice(begin + 1, this.#at - 1);
    return name.includes('\\') ? JSON.parse(`"${name}"`) : name;
  }

  #skipString(): boolean {
    const text = this.#text;
    let at = this.#at + 1;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return true;
      }
      if (code === BACKSLASH) {
        const length = this.#escapeLength(at);
        if (length === 0) return false;
        at += length;
      } else if (code >= 0x20) {
        at += 1;
      } else {
        this.#at = at;
        const ended = at >= text.length;
        return this.#syntax(
          ended ? 'The text ends inside a string' : 'A control character must be escaped',
        );
      }
    }
  }

  /** How many characters the escape has that begins here; 0 after a fault. */
  #escapeLength(at: number): number {
    const code = this.#text.charCodeAt(at + 1);
    if (code === 0x75) return this.#unicodeEscapeLength(at);
    if ('"\\/bfnrt'.includes(this.#text.charAt(at + 1)) && at + 1 < this.#text.length) return 2;
    this.#at = at;
    this.#syntax('This is not an escape sequence');
    return 0;
  }

  #unicodeEscapeLength(at: number): number {
    const unit = this.#hex(at);
    if (unit === null) {
      this.#at = at;
      this.#syntax('"\\u" is followed by four hexadecimal digits');
      return 0;
    }
    if (unit < 0xd800 || unit > 0xdfff) return 6;
    const second = unit < 0xdc00 && this.#text.startsWith('\\u', at + 6) ? this.#hex(at + 6) : null;
    if (second !== null && second >= 0xdc00 && second <= 0xdfff) return 12;
    this.#at = at;
    this.#report('lone_surrogate', 'Text must not contain half of a surrogate pair.');
    return 0;
  }

  /** The code unit of a `\uXXXX` escape, or null when its digits are not hexadecimal. */
  #hex(at: number): number | null {
    const digits = this.#text.slice(at + 2, at + 6);
    return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : null;
  }

  #number(): boolean {
    const text = this.#text;
    const begin = this.#at;
    let at = begin;
    if (text.charCodeAt(at) === MINUS) at += 1;
    const integerEnd = this.#digits(at);
    const leadingZero = text.charCodeAt(at) === ZERO && integerEnd > at + 1;
    if (integerEnd === at || leadingZero) {
      this.#at = leadingZero ? at + 1 : at;
      return this.#syntax(leadingZero ? 'A number has no leading zeros' : 'Expected a digit');
    }
    at = integerEnd;
    let isInteger = true;
    if (text.charCodeAt(at) === DOT) {
      isInteger = false;
      const end = this.#digits(at + 1);
      if (end === at + 1) return this.#digitExpected(end);
      at = end;
    }
    let hasExponent = false;
    if ((text.charCodeAt(at) | 0x20) === 0x65) {
      isInteger = false;
      hasExponent = true;
      at += 1;
      const sign = text.charCodeAt(at);
      if (sign === PLUS || sign === MINUS) at += 1;
      const end = this.#digits(at);
      if (end === at) return this.#digitExpected(end);
      at = end;
    }
    this.#at = at;
    if (at - begin <= DIGITS_ALWAYS_EXACT && !hasExponent) return true;
    const number = text.slice(begin, at);
    if (isInteger ? Number.isSafeInteger(Number(number)) : isExact(number)) return true;
    this.#at = begin;
    return this.#report(
      'number_not_exact',
      'A receiver would read another number: send it as a string.',
    );
  }

  #digits(from: number): number {
    let at = from;
    for (let code = this.#text.charCodeAt(at); code >= ZERO && code <= NINE; ) {
      at += 1;
      code = this.#text.charCodeAt(at);
    }
    return at;
  }

  #digitExpected(at: number): false {
    this.#at = at;
    return this.#syntax('Expected a digit');
  }

  #word(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }

  #unexpected(): false {
    return this.#syntax('Expected a value');
  }

  #syntax(expectation: string): false {
    const ends = this.#at >= this.#text.length;
    const found = ends ? 'the text ends' : `found "${shown(this.#text.charAt(this.#at))}"`;
    return this.#report(
      'syntax',
      `${expectation}; ${found} at ${lineAndColumn(this.#text, this.#at)}.`,
    );
  }

  #report(code: JsonFault['code'], detail: string): false {
    this.#fault = { code, pointer: this.#pointer(), position: this.#at, detail };
    return false;
  }

  #pointer(): string {
    return this.#open
      .map(({ isObject, name, index }) => `/${isObject ? escapePointer(name) : index}`)
      .join('');
  }
}

/** RFC 6901: `~` and `/` are escaped. */
export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** `position 12 (line 1, column 13)`. */
function lineAndColumn(text: string, position: number): string {
  const before = text.slice(0, position).split('\n');
  return `position ${position} (line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1})`;
}

/** A name or character for a message: short and on one line. */
function shown(text: string): string {
  const short = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return short.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?');
}

/** Whether a double holds the very value that the text names. */
function isExact(text: string): boolean {
  const held = String(Number(text));
  return decimal(held) === decimal(text);
}

/** One spelling for each decimal value: digits without zeros at either end, and the exponent. */
function decimal(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text);
  if (match === null) return text;
  const [, sign = '', integer = '', fraction = '', exponent = '0'] = match;
  const digits = integer + fraction;
  let begin = 0;
  let end = digits.length;
  while (begin < end && digits.charCodeAt(begin) === ZERO) begin += 1;
  while (end > begin && digits.charCodeAt(end - 1) === ZERO) end -= 1;
  if (begin === end) return '0';
  const scale = Number(exponent) - fraction.length + (digits.length - end);
  return `${sign}${digits.slice(begin, end)}e${scale}`;
}
