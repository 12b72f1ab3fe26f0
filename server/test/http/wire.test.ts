import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, type TestContext, test } from 'node:test';
import { readSettings } from '../../src/cli/read-settings.ts';
import {
  createWebhook,
  endedDelivery,
  expectStatus,
  listDeliveries,
  publish,
} from '../support/api.ts';
import {
  type Answer,
  type ReceivedRequest,
  refusingUrl,
  startReceiver,
} from '../support/receiver.ts';
import {
  startTestServer,
  type TestServer,
  type TestServerOptions,
} from '../support/start-test-server.ts';
import { until } from '../support/until.ts';

const SECRET = 'your_webhook_secret';
const STANDARD_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const SIX_ATTEMPTS_MS = [0, 1, 1, 1, 1, 1];

/** By their settings. */
const servers = new Map<string, Promise<TestServer>>();
const undoAtEnd: (() => Promise<void> | void)[] = [];
after(async () => {
  for (const undo of undoAtEnd) await undo();
});

test('a delivery has every header of the wire contract once, and no other', async (t) => {
  const { request } = await deliverOne(t);
  const names = request.headers.map(([name]) => name);
  assert.deepEqual(names.map((name) => name.toLowerCase()).sort(), [
    'connection',
    'content-length',
    'content-type',
    'host',
    'user-agent',
    'webhook-id',
    'webhook-signature',
    'webhook-timestamp',
    'x-webhook-attempt',
    'x-webhook-delivery',
    'x-webhook-event',
    'x-webhook-id',
    'x-webhook-signature',
    'x-webhook-trigger',
  ]);
  for (const documented of [
    'Content-Type',
    'X-Webhook-Id',
    'X-Webhook-Event',
    'X-Webhook-Signature',
    'User-Agent',
  ]) {
    assert.ok(names.includes(documented), `${documented} is spelled as it is documented`);
  }
});

test('the headers of a delivery say what it is', async (t) => {
  const { request, event, webhook, delivery, receiver } = await deliverOne(t);
  const expected = {
    Host: new URL(receiver.url).host,
    'Content-Type': 'application/json',
    'Content-Length': String(request.body.length),
    'User-Agent': 'Posthorn-Webhooks/1.0',
    'X-Webhook-Id': webhook.id,
    'X-Webhook-Event': 'user.created',
    'webhook-id': event.id,
    'X-Webhook-Delivery': delivery.id,
    'X-Webhook-Attempt': '1',
    'X-Webhook-Trigger': 'schedule',
  };
  for (const [name, value] of Object.entries(expected))
    assert.equal(request.header(name), value, name);
  const [method, path] = [request.method, request.path];
  assert.deepEqual([method, path, request.httpVersion], ['POST', '/webhooks', '1.1']);
});

test('the values of all headers are printable ASCII', async (t) => {
  const { request } = await deliverOne(t);
  for (const [name, value] of request.headers) assert.match(value, /^[\x20-\x7e]+$/, name);
});

test('a delivery is neither chunked nor compressed, and expects nothing', async (t) => {
  const { request } = await deliverOne(t);
  const names = request.headers.map(([name]) => name.toLowerCase());
  for (const absent of ['transfer-encoding', 'content-encoding', 'expect', 'trailer']) {
    assert.equal(names.includes(absent), false, absent);
  }
});

test('the body has id, type, created_at and data, in this order and in whole seconds', async (t) => {
  const { request, event } = await deliverOne(t);
  assert.equal(
    request.body.toString('utf8'),
    `{"id":"${event.id}","type":"user.created","created_at":"${event.created_at}",` +
      '"data":{"id":"usr_789","name":"Jörg 🦊"}}',
  );
});

for (const [what, secret, standardKey] of [
  ['a secret of its own', SECRET, Buffer.from(SECRET)],
  ['a secret in base64', STANDARD_SECRET, Buffer.from(STANDARD_SECRET.slice(6), 'base64')],
] as const) {
  test(`both signatures are right with ${what}`, async (t) => {
    const { request, event } = await deliverOne(t, { secret });
    expectSigned(request, event.id, { legacyKey: Buffer.from(secret), standardKey });
  });
}

test('both signatures are right with the secret that was generated', async (t) => {
  const { request, event, webhook } = await deliverOne(t, { secret: undefined });
  const secret = webhook.secret ?? '';
  const standardKey = Buffer.from(secret.slice('whsec_'.length), 'base64');
  expectSigned(request, event.id, { legacyKey: Buffer.from(secret), standardKey });
});

test('the timestamp is that of the attempt, in Unix seconds', async (t) => {
  const before = Math.floor(Date.now() / 1_000);
  const { request, delivery } = await deliverOne(t);
  const timestamp = Number(request.header('webhook-timestamp'));
  assert.ok(timestamp >= before && timestamp <= Math.floor(Date.now() / 1_000));
  const startedAt = Date.parse(delivery.attempts[0]?.started_at ?? '');
  assert.equal(timestamp, Math.floor(startedAt / 1_000));
});

test('the product name stands in the User-Agent', async (t) => {
  const environment = { POSTHORN_PRODUCT_NAME: 'ExampleAPI' };
  const { request } = await deliverOne(t, { server: { environment } });
  assert.equal(request.header('User-Agent'), 'ExampleAPI-Webhooks/1.0');
});

test('the path and the query of the URL are sent as they were given', async (t) => {
  const { request } = await deliverOne(t, { suffix: '/a%20b/c?token=x%2Fy&z=1' });
  assert.equal(request.path, '/webhooks/a%20b/c?token=x%2Fy&z=1');
});

test('a test call is signed like any delivery', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t);
  const { id } = await createWebhook(server, { url: receiver.url, secret: SECRET });
  const { body } = await server.request('POST', `/v1/webhooks/${id}/test`);
  const request = await receiver.next();
  assert.equal(request.header('X-Webhook-Trigger'), 'test');
  assert.equal(request.header('X-Webhook-Id'), id);
  const key = Buffer.from(SECRET);
  expectSigned(request, String(body.id), { legacyKey: key, standardKey: key });
});

test('a retry has the same body, event id and legacy signature, and the next number', async (t) => {
  const {
    request: first,
    receiver,
    event,
  } = await deliverOne(t, {
    server: { retryScheduleMs: [0, 50] },
    script: [{ status: 500 }],
  });
  const second = await receiver.ofEvent(event.id, 2);
  assert.equal(second.body.equals(first.body), true);
  for (const same of ['webhook-id', 'X-Webhook-Id', 'X-Webhook-Delivery', 'X-Webhook-Signature']) {
    assert.equal(second.header(same), first.header(same), same);
  }
  assert.deepEqual(
    [first, second].map(({ header }) => header('X-Webhook-Attempt')),
    ['1', '2'],
  );
  const key = Buffer.from(SECRET);
  expectSigned(second, event.id, { legacyKey: key, standardKey: key });
});

test('a retry does not come before its time', async (t) => {
  const { delivery } = await deliverOne(t, {
    server: { retryScheduleMs: [0, 50, 100] },
    script: [{ status: 500 }, { status: 500 }],
  });
  const startedAt = delivery.attempts.map(({ started_at }) => Date.parse(started_at));
  const [first = 0, second = 0, third = 0] = startedAt;
  assert.ok(second - first >= 50, `${second - first} ms`);
  assert.ok(third - second >= 100, `${third - second} ms`);
});

test('the default schedule is the documented one', () => {
  const { settings } = readSettings({ mode: 'dev', environment: {}, flags: {} });
  const minute = 60_000;
  assert.deepEqual(
    settings.retrySchedule,
    [0, 1, 5, 30, 60, 360].map((minutes) => minutes * minute),
  );
});

test('by default the second attempt is due one minute after the first', async (t) => {
  const server = await startTestServer(t);
  const webhook = await createWebhook(server, { url: await refusingUrl(t) });
  await publish(server);
  const waiting = await until('the first attempt has failed', async () => {
    const [delivery] = await listDeliveries(server, webhook.id);
    return delivery?.attempt_count === 1 && delivery;
  });
  const waitMs = Date.parse(waiting.next_attempt_at ?? '') - Date.now();
  assert.ok(waitMs > 50_000 && waitMs <= 66_000, `${waitMs} ms`);
});

test('after six failed attempts a delivery is failed', async (t) => {
  const { delivery, receiver } = await deliverOne(t, {
    server: { retryScheduleMs: SIX_ATTEMPTS_MS },
    otherwise: { status: 500 },
  });
  assert.deepEqual([delivery.status, delivery.attempt_count], ['failed', 6]);
  assert.equal(delivery.next_attempt_at, null);
  assert.deepEqual(
    receiver.requests.map(({ header }) => header('X-Webhook-Attempt')),
    ['1', '2', '3', '4', '5', '6'],
  );
  assert.equal(delivery.attempts.length, 6);
});

test('a delivery that succeeds at the sixth attempt is delivered', async (t) => {
  const { delivery } = await deliverOne(t, {
    server: { retryScheduleMs: SIX_ATTEMPTS_MS },
    script: Array(5).fill({ status: 503 }),
  });
  assert.deepEqual([delivery.status, delivery.attempt_count], ['delivered', 6]);
});

for (const status of [200, 201, 202, 204, 299]) {
  test(`an answer of ${status} is a delivery`, async (t) => {
    const { delivery } = await deliverOne(t, { otherwise: { status } });
    assert.deepEqual([delivery.status, delivery.response_code], ['delivered', status]);
    assert.equal(delivery.error, null);
  });
}

for (const status of [300, 301, 302, 303, 304, 307, 308]) {
  test(`an answer of ${status} is a failed attempt and is not followed`, async (t) => {
    const elsewhere = await startReceiver(t);
    const { delivery, receiver } = await deliverOne(t, {
      server: { retryScheduleMs: [0] },
      otherwise: { status, headers: { Location: elsewhere.url } },
    });
    assert.deepEqual([delivery.status, delivery.response_code], ['failed', status]);
    assert.equal(delivery.error?.code, 'redirect');
    assert.deepEqual([receiver.requests.length, elsewhere.requests.length], [1, 0]);
  });
}

for (const status of [400, 401, 404, 410, 429, 500, 503, 599]) {
  test(`an answer of ${status} is a failed attempt, and the next one follows`, async (t) => {
    const { delivery, webhook, server } = await deliverOne(t, {
      server: { retryScheduleMs: [0, 1] },
      script: [{ status }],
    });
    assert.deepEqual([delivery.status, delivery.attempt_count], ['delivered', 2]);
    assert.equal(delivery.attempts[0]?.response_code, status);
    assert.equal(delivery.attempts[0]?.error?.code, 'http_status');
    const answer = await server.request('GET', `/v1/webhooks/${webhook.id}`);
    assert.equal(expectStatus(200, answer).status, 'active');
  });
}

const counted: readonly [what: string, Answer][] = [
  ['without an end', { kind: 'endless', status: 200 }],
  ['that drips beyond the deadline', { kind: 'drip', status: 200, everyMs: 20 }],
  ['that breaks off', { kind: 'broken body', status: 200 }],
  [
    'that is not what its encoding says',
    { status: 200, headers: { 'Content-Encoding': 'gzip' }, body: 'x' },
  ],
];
for (const [what, answer] of counted) {
  test(`an answer of 200 with a body ${what} is a delivery`, async (t) => {
    const { delivery, receiver } = await deliverOne(t, {
      server: { attemptTimeoutMs: 400 },
      otherwise: answer,
    });
    assert.deepEqual([delivery.status, delivery.response_code], ['delivered', 200]);
    assert.equal(receiver.requests.length, 1);
  });
}

const uncounted: readonly [what: string, Answer, code: string][] = [
  ['no answer in time', { kind: 'hang' }, 'timeout'],
  ['a reset', { kind: 'reset' }, 'connection_reset'],
  ['a connection that ends', { kind: 'raw', bytes: '' }, 'connection_reset'],
  ['headers that break off', { kind: 'raw', bytes: 'HTTP/1.1 200 OK\r\nA: ' }, 'connection_reset'],
  ['an answer that is not HTTP', { kind: 'raw', bytes: 'SSH-2.0-x\r\n\r\n' }, 'malformed_response'],
  [
    'headers of more than 16 KiB',
    { kind: 'raw', bytes: `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(20_000)}\r\n\r\n` },
    'headers_too_large',
  ],
];
for (const [what, answer, code] of uncounted) {
  test(`${what} is a failed attempt with a reason of its own`, async (t) => {
    const { delivery } = await deliverOne(t, {
      server: { attemptTimeoutMs: 400, retryScheduleMs: [0] },
      otherwise: answer,
    });
    assert.deepEqual([delivery.status, delivery.error?.code], ['failed', code]);
    assert.deepEqual([delivery.response_code, delivery.response_time_ms], [null, null]);
  });
}

test('a name that leads to an address that is not allowed is not connected to', async (t) => {
  // Its other address is allowed, or the name would be refused when the webhook is saved.
  const server = await startTestServer(t, { allowNetworks: ['::1/128'], retryScheduleMs: [0] });
  const receiver = await startReceiver(t);
  const url = receiver.url.replace('127.0.0.1', 'localhost');
  const webhook = await createWebhook(server, { url });
  await publish(server);
  const delivery = await endedDelivery(server, webhook.id);
  assert.deepEqual([delivery.status, delivery.error?.code], ['failed', 'blocked']);
  assert.equal(receiver.requests.length, 0);
});

test('an attempt that fails leaves the connection usable for none after it', async (t) => {
  const { delivery, receiver } = await deliverOne(t, {
    server: { attemptTimeoutMs: 300, retryScheduleMs: [0, 1, 1, 1] },
    script: [{ kind: 'hang' }, { kind: 'broken body', status: 500 }, { kind: 'reset' }],
  });
  assert.deepEqual([delivery.status, delivery.attempt_count], ['delivered', 4]);
  assert.equal(receiver.requests.length, 4);
});

/** One server for all scenes with the same settings: each has a webhook of its own and deletes it. */
function serverWith(options: TestServerOptions): Promise<TestServer> {
  const settings = JSON.stringify(options);
  const server =
    servers.get(settings) ?? startTestServer({ after: (undo) => undoAtEnd.push(undo) }, options);
  servers.set(settings, server);
  return server;
}

interface Scene {
  server?: TestServerOptions;
  secret?: string | undefined;
  script?: readonly Answer[];
  otherwise?: Answer;
  /** What stands behind the receiver's URL. */
  suffix?: string;
}

/** Publishes one event to one receiver, and answers all there is to see when it has ended. */
async function deliverOne(t: TestContext, scene: Scene = {}) {
  const { script, otherwise, suffix = '' } = scene;
  const server = await serverWith(scene.server ?? {});
  const receiver = await startReceiver(t, {
    ...(script && { script }),
    ...(otherwise && { otherwise }),
  });
  const secret = 'secret' in scene ? scene.secret : SECRET;
  const webhook = await createWebhook(server, {
    url: receiver.url + suffix,
    ...(secret !== undefined && { secret }),
  });
  t.after(async () => {
    expectStatus(204, await server.request('DELETE', `/v1/webhooks/${webhook.id}`));
  });
  const event = await publish(server, { id: 'usr_789', name: 'Jörg 🦊' });
  const request = await receiver.ofEvent(event.id);
  const delivery = await endedDelivery(server, webhook.id);
  return { server, receiver, webhook, event, request, delivery };
}

/** Computes both signatures anew, by the words of the contract alone. */
function expectSigned(
  { body, header }: ReceivedRequest,
  eventId: string,
  { legacyKey, standardKey }: { legacyKey: Buffer; standardKey: Buffer },
): void {
  const legacy = createHmac('sha256', legacyKey).update(body).digest('hex');
  assert.equal(header('X-Webhook-Signature'), `sha256=${legacy}`);
  const content = Buffer.concat([Buffer.from(`${eventId}.${header('webhook-timestamp')}.`), body]);
  const standard = createHmac('sha256', standardKey).update(content).digest('base64');
  assert.equal(header('webhook-signature'), `v1,${standard}`);
}
