import { HEADERS } from './headers.ts';

export type HeaderValue = string | readonly string[] | undefined;

/**
 * Headers in any shape that frameworks use: `Headers`, a `Map`, a list of pairs, an object, or a
 * list of names and values in turn, as Node's `rawHeaders`. Names in any case; a value may be a list.
 */
export type RequestHeaders =
  | Iterable<readonly [name: string, value: HeaderValue]>
  | readonly string[]
  | Readonly<Record<string, HeaderValue>>;

/** What of a request's headers matters for verification; undefined when absent. */
export interface SignatureHeaders {
  eventId?: string;
  timestamp?: string;
  standardSignature?: string;
  legacySignature?: string;
}

const FIELDS: ReadonlyMap<string, keyof SignatureHeaders> = new Map([
  [HEADERS.eventId, 'eventId'],
  [HEADERS.timestamp, 'timestamp'],
  [HEADERS.standardSignature, 'standardSignature'],
  [HEADERS.legacySignature.toLowerCase(), 'legacySignature'],
]);

/** A header that came several times becomes one value, joined by `, ` (RFC 9110, section 5.3). */
export function signatureHeaders(headers: RequestHeaders): SignatureHeaders {
  const found: SignatureHeaders = {};
  if (isFlatList(headers)) {
    for (let index = 0; index + 1 < headers.length; index += 2) {
      add(found, headers[index] ?? '', headers[index + 1]);
    }
  } else if (isIterable(headers)) {
    for (const [name, value] of headers) add(found, name, value);
  } else {
    for (const name of Object.keys(headers ?? {})) add(found, name, headers[name]);
  }
  return found;
}

function isFlatList(headers: RequestHeaders): headers is readonly string[] {
  return Array.isArray(headers) && typeof headers[0] === 'string';
}

/** What a program without types forgot to pass has no header, as an object without any. */
function isIterable(
  headers: RequestHeaders,
): headers is Iterable<readonly [name: string, value: HeaderValue]> {
  return Symbol.iterator in Object(headers);
}

function add(found: SignatureHeaders, name: string, value: HeaderValue): void {
  const field = FIELDS.get(name) ?? FIELDS.get(name.toLowerCase());
  if (field === undefined || value === undefined) return;
  const text = typeof value === 'string' ? value : value.join(', ');
  if (typeof value !== 'string' && value.length === 0) return;
  const before = found[field];
  found[field] = before === undefined ? text : `${before}, ${text}`;
}
