import type { Answer } from '../answer.ts';
import type { RequestReceiver } from '../receiver-options.ts';
import type { RequestHeaders } from '../request-headers.ts';
import { alreadyParsed, BodyTooLarge, isRaw, RawBody } from './body.ts';

/** What is used of Node's `IncomingMessage`, on which Express and Koa build. */
export interface NodeRequest {
  readonly headers: RequestHeaders;
  readonly readableDidRead?: boolean;
  readonly readableEnded?: boolean;
  readonly destroyed?: boolean;
  on(event: 'data', listener: (chunk: string | Uint8Array) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  pause(): unknown;
}

/** What is used of Node's `ServerResponse`. */
export interface NodeResponse {
  readonly headersSent: boolean;
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(body: string): unknown;
}

/**
 * `bodies`: where this framework may have put the body already; the first that is raw is taken.
 *
 * @throws WebhookVerificationError `body_already_parsed` with the `fix` when only a parsed one is
 * left: to wait for a stream that was read would be to wait for ever.
 */
export async function receiveNode(
  receiver: RequestReceiver,
  request: NodeRequest,
  { bodies, fix }: { bodies: readonly unknown[]; fix: string },
): Promise<Answer> {
  try {
    const body = bodies.find(isRaw) ?? (await readStream(request, fix));
    return await receiver.receive({ headers: request.headers, body });
  } catch (error) {
    if (error instanceof BodyTooLarge) return error.answer;
    throw error;
  }
}

export function writeAnswer(response: NodeResponse, { status, headers, body }: Answer): void {
  if (response.headersSent) return;
  // The rest of a body that is too large is not read, so this connection cannot go on.
  response.writeHead(status, status === 413 ? { ...headers, connection: 'close' } : { ...headers });
  response.end(body);
}

function readStream(request: NodeRequest, fix: string): Promise<Uint8Array> {
  if (request.readableDidRead || request.readableEnded || request.destroyed) {
    return Promise.reject(alreadyParsed(fix));
  }
  return new Promise((resolve, reject) => {
    const body = new RawBody();
    request.on('data', (chunk) => {
      try {
        body.add(chunk);
      } catch (error) {
        request.pause();
        reject(error);
      }
    });
    request.on('end', () => resolve(body.bytes()));
    request.on('error', reject);
    request.on('close', () => reject(new Error('The request broke off.')));
  });
}
