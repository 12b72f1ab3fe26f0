// What adapters do beside the matrix: bodies that are raw elsewhere, limits, broken connections.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import express4 from 'express-4';
import { Hono } from 'hono';
import { expressHandler } from '../../src/adapters/express.ts';
import { fetchHandler } from '../../src/adapters/fetch.ts';
import { honoHandler } from '../../src/adapters/hono.ts';
import { koaHandler } from '../../src/adapters/koa.ts';
import { lambdaHandler } from '../../src/adapters/lambda.ts';
import { nextHandler } from '../../src/adapters/next.ts';
import { receiveNode } from '../../src/adapters/node-request.ts';
import { createReceiver } from '../../src/index.ts';
import { nodeHandler } from '../../src/node.ts';
import { signedRequest, TEST_SECRET } from '../../src/testing.ts';
import { adapters, overHttp, urlOf } from './running.ts';

const TOO_LARGE = 'x'.repeat(1_048_577);

interface ExpressLike {
  (): ((...args: never[]) => void) & {
    use(middleware: unknown): void;
    post(path: string, ...handlers: unknown[]): void;
  };
  raw(options: object): unknown;
  text(options: object): unknown;
  json(options?: object): unknown;
}
const express = express4 as unknown as ExpressLike;

describe('Express takes a body that is raw already', () => {
  const keep = (request: IncomingMessage, _response: unknown, bytes: Buffer) => {
    Object.assign(request, { rawBody: bytes });
  };
  const parsers: readonly [where: string, parser: unknown][] = [
    ['from express.raw', express.raw({ type: 'application/json' })],
    ['from express.text', express.text({ type: 'application/json' })],
    ['that express.json kept', express.json({ verify: keep })],
    ['or unread, when a parser let it pass', express.json({ type: 'application/xml' })],
  ];
  for (const [where, parser] of parsers) {
    test(where, async (t) => {
      const app = express();
      app.use(parser);
      app.post('/webhooks', expressHandler(anyReceiver()));
      const running = await overHttp(app as never);
      t.after(() => running.stop());
      const answer = await running.send(await signedRequest({ data: { t: 'Zoë' } }));
      assert.deepEqual([answer.status, answer.body], [200, 'OK']);
    });
  }
});

test('Koa takes the body that its parser kept', async () => {
  const { headers, body } = await signedRequest();
  const context = {
    req: { headers, readableDidRead: true, on: assert.fail, pause: assert.fail },
    request: { body: JSON.parse(body), rawBody: body },
    status: 404,
    body: undefined,
    set() {},
  };
  await koaHandler(anyReceiver())(context);
  assert.equal(context.status, 200);
});

describe('a body over 1 MiB is answered 413', () => {
  for (const adapter of adapters.filter(({ name }) => !name.startsWith('Lambda'))) {
    test(`by ${adapter.name}`, async (t) => {
      const running = await adapter.start(anyReceiver());
      t.after(() => running.stop());
      const sent = await signedRequest();
      assert.equal((await running.send({ ...sent, body: TOO_LARGE })).status, 413);
      assert.equal((await running.send(sent)).status, 200);
    });
  }
});

describe('a request without a body', () => {
  for (const { name, start } of adapters.filter(({ name }) => !name.startsWith('Lambda'))) {
    test(`is answered 400 by ${name}`, async (t) => {
      const running = await start(anyReceiver());
      t.after(() => running.stop());
      const { headers: _, ...bare } = await signedRequest();
      const answer = await running.send({ ...bare, headers: {}, body: '' });
      assert.equal(answer.status, 400);
      assert.match(answer.body, /^headers_missing/);
    });
  }

  test('is answered 400 by Lambda', async () => {
    const event = { headers: null, body: null };
    assert.equal((await lambdaHandler(anyReceiver())(event)).statusCode, 400);
  });
});

test('a Request that somebody reads right now is refused at once', async () => {
  const { url, ...sent } = await signedRequest();
  const request = new Request(url, sent);
  request.body?.getReader();
  await assert.rejects(fetchHandler(anyReceiver())(request), { code: 'body_already_parsed' });
});

test('a request that breaks off is told, and the server goes on', async (t) => {
  const told = Promise.withResolvers<string>();
  t.mock.method(console, 'error', (...parts: unknown[]) => told.resolve(parts.join(' ')));
  const server = createServer(nodeHandler(anyReceiver())).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const url = new URL(urlOf(server));
  const socket = connect(Number(url.port), url.hostname);
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"half":');
  await once(server, 'request');
  socket.destroy();
  assert.match(await told.promise, /^Webhook not received: /);
  const answer = await fetch(url, { method: 'POST', body: '{}' });
  assert.equal(answer.status, 400);
});

test('a request that is closed without a word is not waited for', async () => {
  const request = Object.assign(new PassThrough(), { headers: {} });
  const answered = receiveNode(anyReceiver(), request, { bodies: [], fix: '' });
  request.write('{"half":');
  request.destroy();
  await assert.rejects(answered, /broke off/);
});

describe('a slow handler goes on behind the answer', () => {
  const slow = () => {
    const gate = Promise.withResolvers<void>();
    const receiver = anyReceiver({ ackAfterMs: 1 }).on('*', () => gate.promise);
    const kept: Promise<unknown>[] = [];
    return { gate, receiver, kept };
  };

  test('with the waitUntil of Cloudflare Workers', async () => {
    const { gate, receiver, kept } = slow();
    const runtime = {
      kept,
      waitUntil(work: Promise<unknown>) {
        this.kept.push(work);
      },
    };
    const { url, ...sent } = await signedRequest();
    const answer = await fetchHandler(receiver)(new Request(url, sent), runtime);
    assert.deepEqual([answer.status, kept.length], [202, 1]);
    gate.resolve();
    await kept[0];
  });

  test('with the executionCtx of Hono', async () => {
    const { gate, receiver, kept } = slow();
    const app = new Hono().post('/webhooks', honoHandler(receiver));
    const runtime = {
      waitUntil: (work: Promise<unknown>) => void kept.push(work),
      passThroughOnException() {},
      props: {},
    };
    const { url, ...sent } = await signedRequest();
    const answer = await app.fetch(new Request(url, sent), {}, runtime);
    assert.deepEqual([answer.status, kept.length], [202, 1]);
    gate.resolve();
    await kept[0];
  });

  test('with the after of Next.js', async () => {
    const { gate, receiver, kept } = slow();
    const handle = nextHandler(receiver, { after: (work) => void kept.push(work) });
    const { url, ...sent } = await signedRequest();
    assert.deepEqual([(await handle(new Request(url, sent))).status, kept.length], [202, 1]);
    gate.resolve();
    await kept[0];
  });

  test('but not on Lambda, which waits for it', async () => {
    const { receiver } = slow();
    const patient = anyReceiver({ ackAfterMs: 0 }).on('*', async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
    });
    assert.notEqual(receiver, patient);
    const { headers, body } = await signedRequest();
    assert.equal((await lambdaHandler(patient)({ headers, body })).statusCode, 200);
  });
});

function anyReceiver(options: { ackAfterMs?: number } = {}) {
  return createReceiver({ secrets: TEST_SECRET, ...options })
    .on('*', () => {})
    .onError(() => {});
}
