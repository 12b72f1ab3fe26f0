import { isUtf8 } from 'node:buffer';
import { invalid, PosthornError } from '../core/errors.ts';
import { type JsonFault, scanJson } from '../core/json-scan.ts';

/** Levels that the body of a delivered event may have (docs/webhooks.md, "The body"); its own object is the first. */
const DEPTH_MAX = 64;
const BATCH_LEVELS = 2;

const REPLACEMENT = '\ufffd';
const SENT_REPLACEMENT = Buffer.from(REPLACEMENT);

/**
 * The body of a request as a value. Nothing is lost on the way: what a double, an object or UTF-8
 * cannot hold is refused (422, with a pointer), what is not JSON at all is refused with its position
 * (400).
 */
export function parseJsonBody(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw notUtf8(bytes);
  const text = bytes.toString('utf8');
  // It cannot be seen, so its position alone would tell nothing.
  if (text.startsWith('\ufeff')) {
    const detail = 'The body begins with a byte order mark: send it without.';
    throw new PosthornError('malformed_json', detail);
  }
  const value = parsed(text);
  const fault = scanJson(text, { depthMax: depthMaxOf(value), isJson: value !== undefined });
  if (fault !== null) throw refusal(fault);
  // To the framework null would be no body at all.
  if (value === null) throw invalid('', 'wrong_type', 'This must be of type object.');
  return value;
}

/** What is compressed is not read: a small body could become one beyond every limit. */
export function refuseEncoding(encoding: string | undefined): void {
  if (encoding === undefined || encoding.toLowerCase() === 'identity') return;
  const detail = 'Send the body as it is: no Content-Encoding is accepted here.';
  throw new PosthornError('unsupported_media_type', detail);
}

/** Undefined when it is not JSON: the scan finds where. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** In a batch every event stands two levels deeper than alone. */
function depthMaxOf(value: unknown): number {
  const isBatch = typeof value === 'object' && value !== null && 'events' in value;
  return isBatch ? DEPTH_MAX + BATCH_LEVELS : DEPTH_MAX;
}

/**
 * Where the text stops being UTF-8. JSON's own structure is ASCII, so the scan can read the bytes as
 * Latin-1; half a surrogate pair, put where the first bad byte is, makes it stop there.
 */
function notUtf8(bytes: Buffer): PosthornError {
  const bad = firstBadByte(bytes);
  const text = bytes.toString('latin1');
  const marked = `${text.slice(0, bad)}\\ud800${text.slice(bad + 1)}`;
  const fault = scanJson(marked, { depthMax: DEPTH_MAX + BATCH_LEVELS, isJson: false });
  const detail = `The text is not valid UTF-8 from byte ${bad} on.`;
  if (fault?.code !== 'lone_surrogate') return new PosthornError('malformed_json', detail);
  const pointer = Buffer.from(fault.pointer, 'latin1').toString('utf8');
  return invalid(pointer, 'invalid_utf8', detail);
}

/** The first U+FFFD that decoding put in, as opposed to one that was sent. */
function firstBadByte(bytes: Buffer): number {
  const text = bytes.toString('utf8');
  let offset = 0;
  let from = 0;
  for (;;) {
    const at = text.indexOf(REPLACEMENT, from);
    offset += Buffer.byteLength(text.slice(from, at));
    const there = bytes.subarray(offset, offset + SENT_REPLACEMENT.length);
    if (!there.equals(SENT_REPLACEMENT)) return offset;
    offset += SENT_REPLACEMENT.length;
    from = at + 1;
  }
}

function refusal({ code, pointer, detail }: JsonFault): PosthornError {
  if (code === 'syntax') return new PosthornError('malformed_json', detail);
  const where = pointer === '' ? '' : ` (at ${pointer.slice(0, 200)})`;
  return new PosthornError('invalid_request', detail + where, {
    faults: [{ pointer, code, detail }],
  });
}
