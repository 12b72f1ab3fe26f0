import type { RequestReceiver } from '../receiver-options.ts';
import type { RequestHeaders } from '../request-headers.ts';
import { alreadyParsed, isRaw } from './body.ts';

const FIX =
  'Register fastifyPlugin(receiver), which keeps the bytes for its own route alone, or give this ' +
  'route a content type parser with parseAs: "buffer".';

export interface FastifyRequest {
  readonly headers: RequestHeaders;
  readonly body: unknown;
}

export interface FastifyReply {
  code(status: number): unknown;
  headers(values: Record<string, string>): unknown;
  send(body: string): unknown;
}

/** What is used of a Fastify instance, loosely: its own types are overloads without end. */
export interface FastifyApp {
  removeAllContentTypeParsers(): void;
  addContentTypeParser(type: '*', options: never, parser: never): unknown;
  post(path: string, handler: never): unknown;
}

/**
 * For Fastify: `app.register(fastifyPlugin(receiver, '/webhooks'))`. Its route gets the bytes; the
 * routes outside go on with parsed bodies. Fastify's `bodyLimit` bounds what is read.
 */
export function fastifyPlugin(
  receiver: RequestReceiver,
  path: string,
): (app: FastifyApp) => Promise<void> {
  return async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' } as never, keepBytes as never);
    app.post(path, fastifyHandler(receiver) as never);
  };
}

/** The handler alone, for a route that gets raw bodies already. */
export function fastifyHandler(
  receiver: RequestReceiver,
): (
  request: FastifyRequest & { readonly rawBody?: unknown },
  reply: FastifyReply,
) => Promise<unknown> {
  return async (request, reply) => {
    const { headers, body, rawBody } = request;
    // Without a body there was nothing to parse.
    const raw = [rawBody, body ?? ''].find(isRaw);
    if (raw === undefined) throw alreadyParsed(FIX);
    const answer = await receiver.receive({ headers, body: raw });
    reply.code(answer.status);
    reply.headers({ ...answer.headers });
    return reply.send(answer.body);
  };
}

function keepBytes(
  _request: unknown,
  body: Uint8Array,
  done: (error: null, body: Uint8Array) => void,
): void {
  done(null, body);
}
