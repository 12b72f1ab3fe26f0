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

/** An object or array that the scan is inside of; one per level, used again. */
interface Open {
  isObject: boolean;
  /**
   * Where the name of the member being read begins and ends, quotes left out; unused in arrays. It
   * begins at `NO_NAME` until it was read: a fault before that is the object's own.
   */
  nameBegin: number;
  nameEnd: number;
  /** The index of the element being read; unused in objects. */
  index: number;
  /** How many names were read so far; of each, a hash and where it begins. */
  nameCount: number;
  readonly hashes: Int32Array;
  readonly begins: Int32Array;
  /** Takes over where there are many names, or one with escapes. */
  names: Set<string> | null;
}

const NAMES_COMPARED_MAX = 12;
/** A double holds every decimal number of so many significant digits. */
const DIGITS_ALWAYS_EXACT = 15;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/**
 * The first fault in the text, or null when there is none. `isJson`: `JSON.parse` has accepted it, so
 * that only what it says nothing about is looked for, which costs less than half.
 */
export function scanJson(
  text: string,
  { depthMax, isJson }: { depthMax: number; isJson: boolean },
): JsonFault | null {
  return new JsonScan(text, depthMax, isJson).run();
}

/** Shared by all scans: one is over before the next begins. Bounded by the depth that is allowed. */
const levels: Open[] = [];

class JsonScan {
  readonly #text: string;
  readonly #depthMax: number;
  readonly #levels = levels;
  #depth = 0;
  readonly #isJson: boolean;
  /** In valid JSON: where the next escape begins, so that long strings need not be looked through. */
  #nextBackslash: number;
  #at = 0;
  #fault: JsonFault | null = null;

  constructor(text: string, depthMax: number, isJson: boolean) {
    this.#text = text;
    this.#depthMax = depthMax;
    this.#isJson = isJson;
    this.#nextBackslash = isJson ? indexFrom(text, '\\', 0) : 0;
  }

  run(): JsonFault | null {
    if (this.#value()) {
      // Each turn is behind a value: it goes on to the next one, or closes what is open.
      while (this.#depth > 0 && this.#next());
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
    if (this.#depth === this.#depthMax) {
      this.#report('too_deep', `JSON may be nested at most ${this.#depthMax} levels.`);
      return 'fault';
    }
    this.#at += 1;
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) === (isObject ? 0x7d : 0x5d)) {
      this.#at += 1;
      return 'empty';
    }
    const open = this.#enter(isObject);
    if (!isObject) return 'value follows';
    return this.#memberName(open) ? 'value follows' : 'fault';
  }

  #enter(isObject: boolean): Open {
    const used = this.#levels[this.#depth++];
    if (used !== undefined) {
      used.isObject = isObject;
      used.index = 0;
      used.nameBegin = NO_NAME;
      used.nameCount = 0;
      used.names = null;
      return used;
    }
    const made = {
      isObject,
      nameBegin: NO_NAME,
      nameEnd: 0,
      index: 0,
      nameCount: 0,
      hashes: new Int32Array(NAMES_COMPARED_MAX),
      begins: new Int32Array(NAMES_COMPARED_MAX),
      names: null,
    };
    this.#levels.push(made);
    return made;
  }

  /** Behind a value inside a container: a comma and the next value, or the end of the container. */
  #next(): boolean {
    const open = this.#levels[this.#depth - 1];
    if (open === undefined) return false;
    this.#skipSpace();
    const code = this.#text.charCodeAt(this.#at);
    if (code === (open.isObject ? 0x7d : 0x5d)) {
      this.#at += 1;
      this.#depth -= 1;
      return true;
    }
    if (code !== 0x2c) return this.#syntax(`Expected "," or "${open.isObject ? '}' : ']'}"`);
    this.#at += 1;
    if (open.isObject) {
      if (!this.#memberName(open)) return false;
    } else {
      open.index += 1;
    }
    return this.#value();
  }

  #memberName(open: Open): boolean {
    open.nameBegin = NO_NAME;
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) !== QUOTE) {
      return this.#syntax('Expected a member name in double quotes');
    }
    const begin = this.#at + 1;
    const hash = this.#skipName();
    if (hash === null) return false;
    open.nameBegin = begin;
    open.nameEnd = this.#at - 1;
    if (this.#isDuplicate(open, hash)) {
      return this.#refuseName(open, 'duplicate_member', 'stands here twice');
    }
    if (this.#isPolluting(open))
      return this.#refuseName(open, 'name_not_allowed', 'is not allowed');
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) !== 0x3a) return this.#syntax('Expected ":"');
    this.#at += 1;
    return true;
  }

  /** A hash of the name that begins here; `ESCAPED` for one with escapes, null after a fault. */
  #skipName(): number | null {
    const text = this.#text;
    let hash = 0;
    for (let at = this.#at + 1; ; at++) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return hash;
      }
      if (code === BACKSLASH || !(code >= 0x20)) return this.#skipString() ? ESCAPED : null;
      hash = (Math.imul(hash, 31) + code) | 0;
    }
  }

  #isDuplicate(open: Open, hash: number): boolean {
    const { hashes, begins, nameCount } = open;
    if (open.names === null && (hash === ESCAPED || nameCount === NAMES_COMPARED_MAX)) {
      open.names = new Set();
      for (const begin of begins.subarray(0, nameCount)) open.names.add(this.#nameAt(begin));
    }
    if (open.names !== null) {
      const before = open.names.size;
      return open.names.add(this.#name(open)).size === before;
    }
    for (let index = 0; index < nameCount; index++) {
      if (hashes[index] !== hash) continue;
      if (this.#nameAt(begins[index] ?? 0) === this.#name(open)) return true;
    }
    hashes[nameCount] = hash;
    begins[nameCount] = open.nameBegin;
    open.nameCount = nameCount + 1;
    return false;
  }

  /** `__proto__` and `constructor.prototype`: both names have nine characters. */
  #isPolluting(open: Open): boolean {
    const { nameBegin, nameEnd } = open;
    if (nameEnd - nameBegin < POLLUTING_CHARS) return false;
    const isPlain = open.names === null;
    if (isPlain && nameEnd - nameBegin > POLLUTING_CHARS) return false;
    const name = this.#name(open);
    if (name === '__proto__') return true;
    if (name !== 'prototype') return false;
    const parent = this.#levels[this.#depth - 2];
    return parent?.isObject === true && this.#name(parent) === 'constructor';
  }

  #refuseName(open: Open, code: JsonFault['code'], why: string): false {
    this.#at = open.nameBegin - 1;
    return this.#report(code, `The member "${shown(this.#name(open))}" ${why}.`);
  }

  #name({ nameBegin, nameEnd }: Open): string {
    const name = this.#text.slice(nameBegin, nameEnd);
    return name.includes('\\') ? JSON.parse(`"${name}"`) : name;
  }

  /** A name without escapes, by where it begins. */
  #nameAt(begin: number): string {
    return this.#text.slice(begin, this.#text.indexOf('"', begin));
  }

  #skipString(): boolean {
    const text = this.#text;
    let at = this.#at + 1;
    let lookedThrough = this.#isJson ? at + SHORT_STRING_MAX : Number.POSITIVE_INFINITY;
    for (;;) {
      if (at > lookedThrough) {
        const end = text.indexOf('"', at);
        if (this.#nextBackslash < at) this.#nextBackslash = indexFrom(text, '\\', at);
        at = Math.min(end, this.#nextBackslash);
        lookedThrough = at + SHORT_STRING_MAX;
      }
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
    if (this.#isJson) return 2;
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
    const text = this.#text;
    let at = this.#at;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code > 0x20) break;
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break;
      at += 1;
    }
    this.#at = at;
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
    return this.#levels
      .slice(0, this.#depth)
      .filter(({ isObject, nameBegin }) => !isObject || nameBegin !== NO_NAME)
      .map((open) => `/${open.isObject ? escapePointer(this.#name(open)) : open.index}`)
      .join('');
  }
}

const NO_NAME = -1;
/** Stands for the hash of a name with escapes: beyond what a hash can be. */
const ESCAPED = 2 ** 32;
const POLLUTING_CHARS = '__proto__'.length;

/** In a string of valid JSON, beyond so many characters, the end is searched for instead. */
const SHORT_STRING_MAX = 16;

function indexFrom(text: string, character: string, from: number): number {
  const index = text.indexOf(character, from);
  return index === -1 ? text.length : index;
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
  return held === text || decimal(held) === decimal(text);
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
