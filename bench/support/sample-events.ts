import { seededRandom } from './random.ts';

export const EVENT_TYPE = 'user.updated';
export const SEQUENCE_DIGITS = 10;
const TYPE_DIGITS = 4;

/** Before the digits of an event's sequence number, wherever an event is found in bytes. */
export const SEQUENCE_MARK = Buffer.from('"sequence":"');

/** `bench.t0000`, `bench.t0001`, …: so many types, published in turn. */
export interface NumberedTypes {
  prefix: string;
  count: number;
}

export function typeNames({ prefix, count }: NumberedTypes): string[] {
  return Array.from({ length: count }, (_, index) => typeName(prefix, index));
}

function typeName(prefix: string, index: number): string {
  return `${prefix}${String(index).padStart(TYPE_DIGITS, '0')}`;
}

/** Different events, each with about 300 bytes of data; `sequence` is overwritten in place. */
export function sampleData(seed: number, count: number): object[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => userData(random));
}

function userData(random: () => number): object {
  const digits = (length: number) => String(Math.floor(random() * 10 ** length)).padStart(length);
  const word = (length: number) =>
    Array.from({ length }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join('');
  return {
    sequence: '0'.repeat(SEQUENCE_DIGITS),
    id: `usr_${word(16)}`,
    name: `${word(6)} ${word(9)}`,
    email: `${word(8)}@${word(7)}.example`,
    plan: random() < 0.5 ? 'team' : 'enterprise',
    seats: Math.floor(random() * 500),
    monthly_price: Math.floor(random() * 100_000) / 100,
    is_trial: random() < 0.2,
    tags: [word(5), word(7)],
    address: { city: word(9), street: `${word(10)} ${digits(2).trim()}`, country: 'DE' },
    updated_at: `2026-03-${10 + Math.floor(random() * 20)}T08:15:30Z`,
  };
}

/** A request's bytes, in which the numbers are overwritten in place. */
export class NumberedRequest {
  readonly bytes: Buffer;
  readonly #sequenceAt: number;
  readonly #types: { at: number; count: number } | null;

  constructor(request: (type: string) => Buffer, types: NumberedTypes | null) {
    const type = types === null ? EVENT_TYPE : typeName(types.prefix, 0);
    this.bytes = request(type);
    this.#sequenceAt = this.bytes.indexOf(SEQUENCE_MARK) + SEQUENCE_MARK.length;
    this.#types = types && {
      at: this.bytes.indexOf(type) + types.prefix.length,
      count: types.count,
    };
  }

  /** The number decides the type as well. */
  setSequence(sequence: number): void {
    writeDigits(this.bytes, this.#sequenceAt, SEQUENCE_DIGITS, sequence);
    if (this.#types === null) return;
    writeDigits(this.bytes, this.#types.at, TYPE_DIGITS, sequence % this.#types.count);
  }
}

function writeDigits(bytes: Buffer, at: number, digits: number, value: number): void {
  let rest = value;
  for (let index = at + digits - 1; index >= at; index--) {
    bytes[index] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

/** The sequence number in a message; null when it has none. */
export function readSequence(bytes: Buffer): number | null {
  const mark = bytes.indexOf(SEQUENCE_MARK);
  if (mark < 0) return null;
  const from = mark + SEQUENCE_MARK.length;
  return Number(bytes.toString('latin1', from, from + SEQUENCE_DIGITS));
}
