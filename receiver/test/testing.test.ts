// The test kit, used as a receiver's own tests would use it.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import express5 from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { Webhook } from 'standardwebhooks';
import { expressHandler } from '../src/adapters/express.ts';
import { fastifyPlugin } from '../src/adapters/fastify.ts';
import { fetchHandler } from '../src/adapters/fetch.ts';
import { honoHandler } from '../src/adapters/hono.ts';
import { koaHandler } from '../src/adapters/koa.ts';
import { createReceiver, type WebhookEvent } from '../src/index.ts';
import { nodeHandler } from '../src/node.ts';
import {
  type Deliverable,
  deliver,
  duplicateOf,
  expiredRequest,
  futureRequest,
  rotatedRequest,
  signedRequest,
  TEST_SECRET,
  type TestRequest,
  tamperedRequest,
} from '../src/testing.ts';

describe('a request of the kit', () => {
  const requests: readonly [name: string, request: () => Promise<TestRequest>, status: number][] = [
    ['signed', () => signedRequest(), 200],
    ['tampered', () => tamperedRequest(), 401],
    ['expired', () => expiredRequest(), 400],
    ['of the future', () => futureRequest(), 400],
    ['signed with another secret', () => signedRequest({}, { secret: 'a'.repeat(16) }), 401],
    [
      'rotated',
      () => rotatedRequest({}, { secret: 'a'.repeat(16), previousSecret: TEST_SECRET }),
      200,
    ],
  ];
  for (const [name, request, status] of requests) {
    test(`that is ${name} is answered ${status}`, async () => {
      assert.equal((await deliver(receiver(), await request())).status, status);
    });
  }

  test('that is a duplicate has the same bytes and another attempt', async () => {
    const app = receiver();
    const first = await signedRequest();
    const second = await duplicateOf(first);
    assert.equal(second.body, first.body);
    assert.deepEqual(
      [first, second].map((each) => each.headers['X-Webhook-Attempt']),
      ['1', '2'],
    );
    assert.equal((await deliver(app, first)).body, 'OK');
    assert.equal((await deliver(app, second)).body, 'OK, already handled');
  });

  test('is one for the library of Standard Webhooks too', async () => {
    const { headers, body } = await signedRequest();
    assert.deepEqual(new Webhook(TEST_SECRET).verify(body, { ...headers }), JSON.parse(body));
  });

  test('carries the legacy signature, and proves by it alone where that is allowed', async () => {
    const { headers, ...sent } = await signedRequest();
    const { 'X-Webhook-Signature': legacy = '' } = headers;
    const app = createReceiver({ secrets: TEST_SECRET, legacy: true }).on('*', () => {});
    const answer = await deliver(app, { ...sent, headers: { 'X-Webhook-Signature': legacy } });
    assert.equal(answer.status, 200);
  });
});

describe('an event is delivered', () => {
  const apps: readonly [what: string, appOf: (handled: WebhookEvent[]) => Deliverable][] = [
    ['to a receiver', (handled) => receiver(handled)],
    [
      'to an app of Express',
      (handled) => {
        const app = (express5 as unknown as () => { post(path: string, handler: unknown): void })();
        app.post('/webhooks', expressHandler(receiver(handled)));
        return app as unknown as Deliverable;
      },
    ],
    [
      'to an app of Fastify',
      (handled) => {
        const app = fastify();
        void app.register(fastifyPlugin(receiver(handled), '/webhooks'));
        return app;
      },
    ],
    [
      'to an app of Hono',
      (handled) => new Hono().post('/webhooks', honoHandler(receiver(handled))),
    ],
    ['to an app of Koa', (handled) => new Koa().use(koaHandler(receiver(handled)))],
    ['to an object with fetch', (handled) => ({ fetch: fetchHandler(receiver(handled)) })],
    ['to a listener of node:http', (handled) => nodeHandler(receiver(handled))],
  ];
  for (const [what, appOf] of apps) {
    test(what, async () => {
      const handled: WebhookEvent[] = [];
      const event = { id: 'evt_1', type: 'user.deleted', data: { id: 'usr_1' } };
      const answer = await deliver(appOf(handled), event);
      assert.deepEqual([answer.status, answer.body], [200, 'OK']);
      assert.match(answer.headers['content-type'] ?? '', /^text\/plain/);
      assert.deepEqual(handled, [{ ...event, created_at: '2023-12-01T15:30:00Z' }]);
    });
  }

  test('to a URL', async (t) => {
    const handled: WebhookEvent[] = [];
    const server = createServer(nodeHandler(receiver(handled)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as { port: number };
    const answer = await deliver(new URL(`http://127.0.0.1:${port}/`), { id: 'evt_1' });
    assert.deepEqual([answer.status, handled.length], [200, 1]);
  });
});

function receiver(handled: WebhookEvent[] = []) {
  return createReceiver({ secrets: TEST_SECRET })
    .on('*', (event) => handled.push(event))
    .onError(() => {});
}
