import { isUtf8 } from 'node:buffer';
import { PosthornError } from '../core/errors.ts';
import { type JsonFault, scanJson } from '../core/json-scan.ts';

/** Levels that the body of a delivered event may have (WIRE.md, W4); its own object is the first. */
const DEPTH_MAX = 64;

/**
 * The body of a request as a value. Nothing is lost on the way: what a double, an object or UTF-8
 * cannot hold is refused (422, with a pointer), what is not JSON at all is refused with its position
 * (400).
 */
export function parseJsonBody(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) {
    throw new PosthornError('malformed_json', 'The body is not valid UTF-8.');
  }
  const text = bytes.toString('utf8');
  const fault = scanJson(text, DEPTH_MAX);
  if (fault !== null) throw refusal(fault);
  return JSON.parse(text);
}

function refusal({ code, pointer, detail }: JsonFault): PosthornError {
  if (code === 'syntax') return new PosthornError('malformed_json', detail);
  const where = pointer === '' ? '' : ` At ${pointer.slice(0, 200)}.`;
  return new PosthornError('invalid_request', detail + where, {
    faults: [{ pointer, code, detail }],
  });
}
