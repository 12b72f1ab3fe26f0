import { HEADERS } from './headers.ts';

export type HeaderValue = string | readonly string[] | undefined;

/**
 * Headers in any shape that frameworks use: `Headers`, a `Map`, a list of pairs, or an object.
 * Names in any case; a value may be a list.
 */
export type RequestHeaders =
  | Iterable<readonly [name: string, value: HeaderValue]>
  | Readonly<Record<string, HeaderValue>>;

/** What of a request's headers matters for verification; undefined when absent. */
export interface SignatureHeaders {
  eventId: string | undefined;
  timestamp: string | undefined;
  standardSignature: string | undefined;
  legacySignature: string | undefined;
}

/** A header that came several times becomes one value, joined by `, ` (RFC 9110, section 5.3). */
export function signatureHeaders(headers: RequestHeaders): SignatureHeaders {
  const entries = isIterable(headers) ? [...headers] : Object.entries(headers);
  return {
    eventId: find(entries, HEADERS.eventId),
    timestamp: find(entries, HEADERS.timestamp),
    standardSignature: find(entries, HEADERS.standardSignature),
    legacySignature: find(entries, HEADERS.legacySignature),
  };
}

type Entry = readonly [name: string, value: HeaderValue];

function isIterable(headers: RequestHeaders): headers is Iterable<Entry> {
  return Symbol.iterator in headers;
}

function find(entries: readonly Entry[], wanted: string): string | undefined {
  const values = entries
    .filter(([name]) => name.toLowerCase() === wanted.toLowerCase())
    .flatMap(([, value]) => value ?? []);
  return values.length === 0 ? undefined : values.join(', ');
}
