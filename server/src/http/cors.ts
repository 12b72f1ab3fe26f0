import type { FastifyReply, FastifyRequest } from 'fastify';
import { HEADERS } from './openapi/headers.ts';
import type { Api } from './routes/context.ts';

const METHODS = 'GET, POST, PUT, PATCH, DELETE';
/** What calls of the API are made of; anything else a page sends is refused by its browser. */
const REQUEST_HEADERS = 'Authorization, Content-Type, Idempotency-Key';
const ANSWER_HEADERS = Object.keys(HEADERS).join(', ');
/** An origin that the operator takes out is locked out of every browser within that time. */
const PREFLIGHT_SECONDS = 600;

/** Tells browsers that pages of an allowed origin may read the answer, whatever it is. */
export type AllowOrigin = (request: FastifyRequest, reply: FastifyReply) => void;

/**
 * Lets pages of these origins, compared letter by letter, call the API from browsers (the CORS protocol of
 * the Fetch standard). Never with `Access-Control-Allow-Credentials`: a page shows that it may with an API
 * key, not with whatever the browser would add by itself. A preflight carries no key, so it is answered
 * before one is asked for; that of another origin is answered like any method that is not there.
 */
export function allowOrigins(api: Api, origins: readonly string[]): AllowOrigin {
  if (origins.length === 0) return () => {};
  const allowed = new Set(origins);
  const isAllowed = ({ headers: { origin } }: FastifyRequest) =>
    origin !== undefined && allowed.has(origin);

  const allowOrigin: AllowOrigin = (request, reply) => {
    // Also where it is refused: a cache in between must not hand this answer to another origin.
    reply.header('Vary', 'Origin');
    if (!isAllowed(request)) return;
    reply.header('Access-Control-Allow-Origin', request.headers.origin);
    reply.header('Access-Control-Expose-Headers', ANSWER_HEADERS);
  };

  api.addHook('onRequest', (request, reply, done) => {
    allowOrigin(request, reply);
    if (isPreflight(request) && isAllowed(request)) answerPreflight(reply);
    else done();
  });
  return allowOrigin;
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}

function answerPreflight(reply: FastifyReply): void {
  reply
    .code(204)
    .header('Access-Control-Allow-Methods', METHODS)
    .header('Access-Control-Allow-Headers', REQUEST_HEADERS)
    .header('Access-Control-Max-Age', PREFLIGHT_SECONDS)
    .send();
}
