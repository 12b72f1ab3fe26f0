import type { Answer } from './answer.ts';
import type { WebhookEvent } from './event.ts';
import { HEADERS } from './headers.ts';
import { hmacAsync } from './hmac-async.ts';
import type { RequestReceiver } from './receiver-options.ts';
import { secretKeys } from './secret.ts';
import { legacySignature, standardSignature } from './sign.ts';
import { TOLERANCE_SECONDS } from './verify.ts';

/** For tests alone: everybody can read it here. */
export const TEST_SECRET = 'whsec_dGVzdC1zZWNyZXQtb2YtcG9zdGhvcm4tcmVjZWl2ZXI=';

/** A delivery, as it comes over the network. */
export interface TestRequest {
  readonly method: 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What of an event matters to a test; the rest is filled in. */
export type TestEvent = Partial<WebhookEvent>;

export interface TestRequestOptions {
  /** `TEST_SECRET` unless given. */
  secret?: string;
  /** The secret before, while one is rotated: `webhook-signature` then has both entries. */
  previousSecret?: string;
  /** When it is signed; now unless given. */
  now?: Date;
  url?: string;
  attempt?: number;
}

/** A delivery that verifies: the same headers and bytes as Posthorn sends. */
export async function signedRequest(
  event: TestEvent = {},
  options: TestRequestOptions = {},
): Promise<TestRequest> {
  const { id = `evt_test_${crypto.randomUUID().replaceAll('-', '')}`, ...rest } = event;
  const { type = 'user.created', created_at = '2023-12-01T15:30:00Z', data = {} } = rest;
  return await request(id, type, JSON.stringify({ id, type, created_at, data }), options);
}

/** Its body was changed on the way: 401 `signature_mismatch`. */
export async function tamperedRequest(
  event: TestEvent = {},
  options: TestRequestOptions = {},
): Promise<TestRequest> {
  const signed = await signedRequest(event, options);
  return { ...signed, body: signed.body.replace(/"created_at":"2/, '"created_at":"3') };
}

/** It was signed longer ago than is tolerated: 400 `timestamp_too_old`. */
export function expiredRequest(
  event: TestEvent = {},
  options: TestRequestOptions = {},
): Promise<TestRequest> {
  return signedRequest(event, { ...options, now: later(options.now, -TOLERANCE_SECONDS - 60) });
}

/** It was signed by a clock that is ahead: 400 `timestamp_too_new`. */
export function futureRequest(
  event: TestEvent = {},
  options: TestRequestOptions = {},
): Promise<TestRequest> {
  return signedRequest(event, { ...options, now: later(options.now, TOLERANCE_SECONDS + 60) });
}

/** It was signed with two secrets, as during a rotation: a receiver that knows either takes it. */
export function rotatedRequest(
  event: TestEvent,
  options: TestRequestOptions & { secret: string; previousSecret: string },
): Promise<TestRequest> {
  return signedRequest(event, options);
}

/** The next attempt of the same event: the same bytes, signed anew. */
export async function duplicateOf(
  { url, headers, body }: TestRequest,
  options: TestRequestOptions = {},
): Promise<TestRequest> {
  const { id, type }: WebhookEvent = JSON.parse(body);
  const attempt = Number(headers[HEADERS.attempt]) + 1;
  return await request(id, type, body, { url, attempt, ...options });
}

async function request(
  id: string,
  type: string,
  body: string,
  { secret = TEST_SECRET, previousSecret, now = new Date(), url, attempt = 1 }: TestRequestOptions,
): Promise<TestRequest> {
  const secrets = [secret, previousSecret ?? []].flat();
  const seconds = Math.floor(now.getTime() / 1_000);
  const entries = secrets.map((each) =>
    standardSignature(hmacAsync, secretKeys(each).standard, id, seconds, body),
  );
  // As the sender does it: the legacy header has room for one, and keeps the secret before.
  const legacyKey = secretKeys(previousSecret ?? secret).legacy;
  const headers = {
    [HEADERS.contentType]: 'application/json',
    [HEADERS.userAgent]: 'Posthorn-Webhooks/1.0',
    [HEADERS.webhookId]: 'wh_test',
    [HEADERS.eventType]: type,
    [HEADERS.legacySignature]: await legacySignature(hmacAsync, legacyKey, body),
    [HEADERS.eventId]: id,
    [HEADERS.timestamp]: String(seconds),
    [HEADERS.standardSignature]: (await Promise.all(entries)).join(' '),
    [HEADERS.deliveryId]: 'del_test',
    [HEADERS.attempt]: String(attempt),
    [HEADERS.trigger]: 'test',
  };
  return { method: 'POST', url: url ?? 'http://localhost/webhooks', headers, body };
}

function later(date: Date = new Date(), seconds: number): Date {
  return new Date(date.getTime() + seconds * 1_000);
}

/** What can be delivered to: a program of any framework, a receiver by itself, or a URL. */
export type Deliverable =
  | URL
  | RequestReceiver
  | { fetch(request: Request): Response | Promise<Response> }
  | { inject(request: InjectOptions): PromiseLike<InjectedAnswer> }
  | { callback(): NodeListener }
  | NodeListener;

type NodeListener = (request: never, response: never) => unknown;

interface InjectOptions {
  method: 'POST';
  url: string;
  headers: Record<string, string>;
  payload: string;
}

interface InjectedAnswer {
  statusCode: number;
  headers: Record<string, unknown>;
  body: string;
}

/**
 * Delivers an event, or a request made above, and resolves to the answer. Takes an app of Express,
 * Koa, Fastify or Hono, an object with `fetch`, a listener of `node:http`, a receiver, or a URL; a
 * function from `Request` to `Response` goes in as `{ fetch: handler }`.
 */
export async function deliver(
  app: Deliverable,
  what: TestEvent | TestRequest = {},
  options: TestRequestOptions = {},
): Promise<Answer> {
  const sent = 'method' in what ? what : await signedRequest(what, options);
  if (app instanceof URL) return await answerOf(await fetch(new Request(app, sent)));
  if ('receive' in app) return await app.receive(sent);
  if ('fetch' in app) return await answerOf(await app.fetch(new Request(sent.url, sent)));
  if ('inject' in app) return await inject(app, sent);
  return await overHttp('callback' in app ? app.callback() : app, sent);
}

async function answerOf(response: Response): Promise<Answer> {
  const headers = Object.fromEntries(response.headers);
  return { status: response.status, headers, body: await response.text() };
}

async function inject(
  app: Extract<Deliverable, { inject: unknown }>,
  { method, url, headers, body }: TestRequest,
): Promise<Answer> {
  const path = new URL(url).pathname;
  const answer = await app.inject({ method, url: path, headers: { ...headers }, payload: body });
  const given = Object.entries(answer.headers).map(([name, value]) => [name, String(value)]);
  return { status: answer.statusCode, headers: Object.fromEntries(given), body: answer.body };
}

/** Over a real socket on this machine, which is closed again. */
async function overHttp(listener: NodeListener, sent: TestRequest): Promise<Answer> {
  const { createServer } = await import('node:http');
  const server = createServer(listener as Parameters<typeof createServer>[1] & object);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as { port: number };
    const { pathname, search } = new URL(sent.url);
    const url = `http://127.0.0.1:${port}${pathname}${search}`;
    return await answerOf(await fetch(new Request(url, sent)));
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
