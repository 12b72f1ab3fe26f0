import { isUtf8 } from 'node:buffer';
import { PosthornError } from '../core/errors.ts';
import { type JsonFault, scanJson } from '../core/json-scan.ts';

/** Levels that the body of a delivered event may have (WIRE.md, W4); its own object is the first. */
const DEPTH_MAX = 64;
const BATCH_LEVELS = 2;

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
  const value = parsed(text);
  const fault = scanJson(text, { depthMax: depthMaxOf(value), isJson: value !== undefined });
  if (fault !== null) throw refusal(fault);
  return value;
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

function refusal({ code, pointer, detail }: JsonFault): PosthornError {
  if (code === 'syntax') return new PosthornError('malformed_json', detail);
  const where = pointer === '' ? '' : ` At ${pointer.slice(0, 200)}.`;
  return new PosthornError('invalid_request', detail + where, {
    faults: [{ pointer, code, detail }],
  });
}
