import { errors } from 'undici';
import type { AttemptFailure } from '../core/model.ts';

/** Codes of Node, of OpenSSL's end of it, and of undici. */
type Coded = Error & { code?: string; address?: string };

/** No descriptor, no port, no buffer: it would have been the same with any receiver. */
const OUR_SHORTAGES = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EAI_MEMORY']);

export function isOurShortage(error: Error): boolean {
  const { code = '', address = '' } = error as Coded;
  if (OUR_SHORTAGES.has(code)) return true;
  // All ports are used; but without IPv6 on this machine, every such address answers that as well.
  return code === 'EADDRNOTAVAIL' && !address.includes(':');
}

const FAILURES = new Map<string, AttemptFailure>([
  ['POSTHORN_BLOCKED', 'blocked'],
  ['ENOTFOUND', 'dns_failed'],
  ['EAI_AGAIN', 'dns_failed'],
  ['EAI_FAIL', 'dns_failed'],
  ['EAI_NODATA', 'dns_failed'],
  ['EAI_NONAME', 'dns_failed'],
  ['ECONNREFUSED', 'connection_refused'],
  ['ECONNRESET', 'connection_reset'],
  ['EPIPE', 'connection_reset'],
  ['UND_ERR_SOCKET', 'connection_reset'],
  ['ETIMEDOUT', 'timeout'],
  ['UND_ERR_HEADERS_OVERFLOW', 'headers_too_large'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'malformed_response'],
  // undici checks itself with assertions, and there are answers that fail them.
  ['ERR_ASSERTION', 'malformed_response'],
  ['EPROTO', 'tls_failed'],
]);

const TLS_CODE = /^(ERR_(TLS|SSL)_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/;

/** Whether the other side, or something between, closed the connection. */
export function isBrokenConnection(error: Error): boolean {
  return sendFailureOf(error) === 'connection_reset';
}

export function sendFailureOf(error: Error): AttemptFailure {
  const { code = '', message } = error as Coded;
  // undici's words for an informational response that nobody asked for: 100 and 101.
  if (message === 'bad response' || message === 'bad upgrade') return 'malformed_response';
  const known = FAILURES.get(code);
  if (known !== undefined) return known;
  // Not every error of undici's parser has a code.
  if (error instanceof errors.HTTPParserError) return 'malformed_response';
  return TLS_CODE.test(code) ? 'tls_failed' : 'connection_failed';
}
