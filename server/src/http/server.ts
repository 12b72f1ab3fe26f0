import type { Socket } from 'node:net';
import { fastify } from 'fastify';
import type { Announcements } from '../core/announcements.ts';
import { type ErrorCode, PosthornError } from '../core/errors.ts';
import type { NewId } from '../core/ids.ts';
import type { Clock, Cursors } from '../core/ports.ts';
import type { Service } from '../service/service.ts';
import { limitRequests, type RequestCount } from './admission.ts';
import { announceRequests } from './announce-requests.ts';
import type { Authenticate } from './authenticate.ts';
import { identifyCallers } from './callers.ts';
import { refuseConnection } from './connection-errors.ts';
import { allowOrigins } from './cors.ts';
import type { DevPages } from './dev/dev-pages.ts';
import { parseJsonBody, refuseEncoding } from './json-body.ts';
import { collectMethods } from './other-methods.ts';
import { createPages } from './pages.ts';
import { knownError, sendProblem } from './problem.ts';
import { accountRoutes, systemRoutes } from './routes/all.ts';
import type { Api, RouteContext } from './routes/context.ts';
import type { HealthPorts } from './routes/health.ts';
import type { MetricsPort } from './routes/metrics.ts';
import { compileValidator } from './validation.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The account that the request speaks for; set before any handler under /v1 runs. */
    accountId: string;
    /** The code of the problem that was answered, if one was. */
    problemCode: ErrorCode | null;
  }
}

export interface HttpServerPorts extends HealthPorts {
  service: Service;
  authenticate: Authenticate;
  announcements: Announcements;
  clock: Clock;
  cursors: Cursors;
  newId: NewId;
  metrics: MetricsPort;
  requests: RequestCount;
  dev?: DevPages | undefined;
  /** Whose pages may call the API from browsers. */
  corsOrigins: readonly string[];
  limits: HttpLimits;
}

export interface HttpLimits {
  /** Bytes of a request's body. */
  requestBytesMax: number;
  /** From the first byte of a request to its last. */
  requestTimeoutMs: number;
  /** Requests in progress at once; more are answered 503 before their body is read. */
  requestsMax: number;
  /** Requests per second that one API key may send; 0: as many as it likes. */
  requestRate: number;
}

const HEADER_BYTES_MAX = 16_384;
const PARAM_CHARS_MAX = 256;

/**
 * The HTTP API. Life of a request: route (404, 405) → key (401, 429) → body read (413, 415) and parsed
 * (400, 422) → validated (400, 422) → service → answer. Every refusal is a problem document.
 */
export function createHttpServer(ports: HttpServerPorts): Api {
  const { newId, announcements, limits } = ports;
  const server: Api = fastify({
    bodyLimit: limits.requestBytesMax,
    requestTimeout: limits.requestTimeoutMs,
    http: {
      maxHeaderSize: HEADER_BYTES_MAX,
      // Node's own refusal is no problem document; ours is below.
      requireHostHeader: false,
      // Node looks for requests that take too long every 30 s, unless told otherwise.
      connectionsCheckingInterval: Math.min(30_000, Math.ceil(limits.requestTimeoutMs / 2)),
    },
    routerOptions: { maxParamLength: PARAM_CHARS_MAX, ignoreTrailingSlash: true },
    genReqId: () => newId('request'),
    logger: false,
    forceCloseConnections: 'idle',
    // Fastify's own 503 is not a problem document; ours is below.
    return503OnClosing: false,
    clientErrorHandler(error, socket) {
      refuseConnection(error, socket as Socket, newId('request'));
    },
    // What the router refuses by itself never reaches a hook or the error handler.
    frameworkErrors(error, request, reply) {
      reply.header('X-Request-Id', request.id);
      allowOrigin(request, reply);
      return sendProblem(request, reply, knownError(error) ?? internalError());
    },
  });

  server.decorateRequest('accountId', '');
  server.decorateRequest('problemCode', null);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      refuseEncoding(request.headers['content-encoding']);
      // Some clients announce JSON and send nothing, with DELETE for example.
      done(null, body.length === 0 ? undefined : parseJsonBody(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  server.setValidatorCompiler(compileValidator);
  // What is sent is made by `present.ts` alone; nothing has to be filtered out of it.
  server.setSerializerCompiler(() => JSON.stringify);

  // Hooks take `done`: each that is a promise costs every request a turn of the microtasks.
  server.addHook('onRequest', (request, reply, done) => {
    reply.header('X-Request-Id', request.id);
    // Nothing has no type that could be wrong: `curl -d ''` calls it a form.
    if (request.headers['content-length'] === '0') delete request.raw.headers['content-type'];
    done();
  });
  announceRequests(server, announcements);
  const allowOrigin = allowOrigins(server, ports.corsOrigins);
  server.addHook('onRequest', ({ raw }, _reply, done) => {
    done(raw.httpVersion === '1.1' && raw.headers.host === undefined ? noHost() : undefined);
  });
  server.addHook('onSend', (_request, reply, _payload, done) => {
    // Else a client that keeps its connection would hold the end back until it lets go of it.
    if (ports.isDraining()) reply.header('Connection', 'close');
    done();
  });
  server.setErrorHandler((error, request, reply) => {
    const known = knownError(error);
    if (known === undefined) announcements.bug.publish({ where: request.method, error });
    return sendProblem(request, reply, known ?? internalError());
  });
  server.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const detail = `There is no ${request.method} ${path.slice(0, 200)}.`;
    return sendProblem(request, reply, new PosthornError('not_found', detail));
  });

  const context: RouteContext = { service: ports.service, pages: createPages(ports.cursors) };
  systemRoutes(server, context, { ...ports, openApi: openApiOnce() });
  ports.dev?.(server);
  server.register(
    (api: Api, _options, done) => {
      limitRequests(api, ports.requests, limits.requestsMax);
      api.addHook('onRequest', (_request, _reply, done) => {
        if (ports.isDraining()) done(new PosthornError('draining', 'Posthorn is shutting down.'));
        else if (ports.hasLease()) done();
        else done(noLease());
      });
      identifyCallers(api, { ...ports, requestRate: limits.requestRate });
      const answerOtherMethods = collectMethods(api);
      accountRoutes(api, context);
      answerOtherMethods();
      done();
    },
    { prefix: '/v1' },
  );
  return server;
}

/** Loaded and made when it is first asked for: a start does not wait for it. */
function openApiOnce(): () => Promise<string> {
  let text: Promise<string> | null = null;
  return () => {
    text ??= import('./openapi/document.ts').then(({ openApiText }) => openApiText());
    return text;
  };
}

function noLease(): PosthornError {
  const detail = 'This node has lost touch with the database: try again in a moment.';
  return new PosthornError('store_unavailable', detail, { retryAfterSeconds: 1 });
}

function noHost(): PosthornError {
  return new PosthornError('malformed_request', 'A request of HTTP/1.1 has a Host header.');
}

function internalError(): PosthornError {
  return new PosthornError('internal_error', 'This is our fault; the log has it.');
}
