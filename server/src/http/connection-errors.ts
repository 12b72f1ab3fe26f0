import type { Socket } from 'node:net';
import { ERRORS, type ErrorCode, PosthornError } from '../core/errors.ts';
import { PROBLEM_TYPE, problemOf } from './problem.ts';

/** What Node's parser refuses before there is a request: answered as a problem all the same. */
export function refuseConnection(
  error: Error & { code?: string },
  socket: Socket,
  requestId: string,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = new PosthornError(...refusalOf(error.code ?? ''));
  const body = JSON.stringify(problemOf(refusal, requestId));
  const { status, title } = ERRORS[refusal.code];
  socket.end(
    [
      `HTTP/1.1 ${status} ${title}`,
      `Content-Type: ${PROBLEM_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-Id: ${requestId}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}

function refusalOf(code: string): [ErrorCode, string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return ['headers_too_large', 'The headers have more than 16 KiB.'];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['request_timeout', 'The request was not complete in time.'];
    default:
      return ['malformed_request', 'This is not a valid HTTP/1.1 request.'];
  }
}
