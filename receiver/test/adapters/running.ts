// Every adapter in its real framework, once as it should be used and once behind a body parser.
import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { getRequestListener } from '@hono/node-server';
import express5 from 'express';
import express4 from 'express-4';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { expressHandler } from '../../src/adapters/express.ts';
import { fastifyHandler, fastifyPlugin } from '../../src/adapters/fastify.ts';
import { fetchHandler } from '../../src/adapters/fetch.ts';
import { honoHandler } from '../../src/adapters/hono.ts';
import { koaHandler } from '../../src/adapters/koa.ts';
import { type LambdaEvent, lambdaHandler } from '../../src/adapters/lambda.ts';
import { nextHandler } from '../../src/adapters/next.ts';
import type { RequestReceiver } from '../../src/index.ts';
import { nodeHandler } from '../../src/node.ts';
import type { TestRequest } from '../../src/testing.ts';

export interface Running {
  send(request: TestRequest): Promise<{ status: number; body: string }>;
  stop(): Promise<void> | void;
}

export interface Listening {
  readonly url: string;
  stop(): Promise<void>;
}

export interface Adapter {
  readonly name: string;
  start(receiver: RequestReceiver): Promise<Running>;
  /** As above, but something has parsed the body before, and an error is answered with its message. */
  startParsed(receiver: RequestReceiver): Promise<Running>;
}

/** As much of Express as is used here; its own types are tried by the test of consumers. */
interface ExpressApp {
  use(middleware: unknown): void;
  post(path: string, ...handlers: unknown[]): void;
}
type Express = (() => ExpressApp & RequestListener) & { json(): unknown };

/** A request that hangs is a failure, not a wait. */
const ANSWER_MS_MAX = 10_000;

export const adapters: readonly Adapter[] = [
  expressAdapter('Express 4', express4 as unknown as Express),
  expressAdapter('Express 5', express5 as unknown as Express),
  {
    name: 'Fastify',
    start: (receiver) => startFastify((app) => app.register(fastifyPlugin(receiver, '/webhooks'))),
    startParsed: (receiver) =>
      startFastify((app) => app.post('/webhooks', fastifyHandler(receiver))),
  },
  {
    name: 'Hono',
    start: (receiver) => overFetch(new Hono().post('/webhooks', honoHandler(receiver)).fetch),
    startParsed(receiver) {
      const app = new Hono();
      app.onError((error, context) => context.text(error.message, 500));
      app.use(async (context, next) => {
        await context.req.json();
        await next();
      });
      return overFetch(app.post('/webhooks', honoHandler(receiver)).fetch);
    },
  },
  fetchAdapter('Next.js, its handler alone', (receiver) => nextHandler(receiver)),
  fetchAdapter('Fetch', (receiver) => fetchHandler(receiver)),
  {
    name: 'Koa',
    start: (receiver) => startKoa((app) => app.use(koaHandler(receiver))),
    startParsed: (receiver) =>
      startKoa((app) => {
        app.use(async (context, next) => {
          Object.assign(context.request, { body: await json(context.req) });
          try {
            await next();
          } catch (error) {
            context.status = 500;
            context.body = String(error);
          }
        });
        app.use(koaHandler(receiver));
      }),
  },
  {
    name: 'node:http',
    start: (receiver) => overHttp(nodeHandler(receiver)),
    startParsed(receiver) {
      const handle = nodeHandler(receiver);
      return overHttp((request, response) => {
        void json(request).then((body) => handle(Object.assign(request, { body }), response));
      });
    },
  },
  lambdaAdapter('Lambda, HTTP API', ({ headers, body }) => ({ headers, body })),
  lambdaAdapter('Lambda, REST API with base64', ({ headers, body }) => ({
    headers: null,
    multiValueHeaders: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, [value]]),
    ),
    body: Buffer.from(body).toString('base64'),
    isBase64Encoded: true,
  })),
];

export function expressApp(): ExpressApp & RequestListener {
  return (express5 as unknown as Express)();
}

function expressAdapter(name: string, express: Express): Adapter {
  return {
    name,
    start(receiver) {
      const app = express();
      app.post('/webhooks', expressHandler(receiver));
      return overHttp(app);
    },
    startParsed(receiver) {
      const app = express();
      app.use(express.json());
      app.post('/webhooks', expressHandler(receiver));
      app.use((error: Error, _request: unknown, response: ServerResponse, _next: unknown) => {
        response.writeHead(500).end(error.message);
      });
      return overHttp(app);
    },
  };
}

function fetchAdapter(
  name: string,
  handlerOf: (receiver: RequestReceiver) => (request: Request) => Promise<Response>,
): Adapter {
  return {
    name,
    start: (receiver) => overFetch(handlerOf(receiver)),
    startParsed: (receiver) =>
      overFetch(async (request) => {
        await request.json();
        return await handlerOf(receiver)(request);
      }),
  };
}

function lambdaAdapter(name: string, eventOf: (request: TestRequest) => LambdaEvent): Adapter {
  const invoking = async (
    receiver: RequestReceiver,
    change: (request: TestRequest) => LambdaEvent,
  ): Promise<Running> => ({
    // A function that throws is answered 500 or 502 by what invoked it.
    send: (request) =>
      lambdaHandler(receiver)(change(request)).then(
        ({ statusCode, body }) => ({ status: statusCode, body }),
        (error: Error) => ({ status: 500, body: error.message }),
      ),
    stop() {},
  });
  return {
    name,
    start: (receiver) => invoking(receiver, eventOf),
    startParsed: (receiver) =>
      invoking(receiver, (request) => ({ ...eventOf(request), body: JSON.parse(request.body) })),
  };
}

async function startFastify(add: (app: ReturnType<typeof fastify>) => unknown): Promise<Running> {
  const app = fastify();
  add(app);
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return { send: (request) => post(url, request), stop: () => app.close() };
}

function startKoa(add: (app: Koa) => void): Promise<Running> {
  const app = new Koa();
  add(app);
  return overHttp(app.callback());
}

function overFetch(fetch: (request: Request) => Response | Promise<Response>): Promise<Running> {
  const errorHandler = (error: unknown) => new Response(String(error), { status: 500 });
  return overHttp(getRequestListener((request) => fetch(request), { errorHandler }));
}

export async function overHttp(listener: RequestListener): Promise<Running> {
  const { url, stop } = await listen(listener);
  return { send: (request) => post(url, request), stop };
}

export async function listen(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: urlOf(server), stop: () => stop(server) };
}

export function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function post(origin: string, { headers, body }: TestRequest) {
  const signal = AbortSignal.timeout(ANSWER_MS_MAX);
  const answer = await fetch(`${origin}/webhooks`, { method: 'POST', headers, body, signal });
  return { status: answer.status, body: await answer.text() };
}

async function stop(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}
