import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  createWebhook,
  expectStatus,
  getDelivery,
  listDeliveries,
  type TestCallBody,
} from '../support/api.ts';
import { type Answer, refusingUrl, startReceiver } from '../support/receiver.ts';
import { startTestServer, type TestServer } from '../support/start-test-server.ts';

const ATTEMPT_TIMEOUT_MS = 400;

const server = await startTestServer({ after }, { attemptTimeoutMs: ATTEMPT_TIMEOUT_MS });

test('a test call answers what the receiver said, as the reference prints it', async (t) => {
  const receiver = await startReceiver(t);
  const webhook = await createWebhook(server, { url: receiver.url });
  const { id, status, response_code, response_body, error } = await testCall(server, webhook.id);
  assert.match(id, /^evt_test_[A-Za-z0-9]+$/);
  assert.deepEqual(
    { status, response_code, response_body, error },
    { status: 'delivered', response_code: 200, response_body: 'OK', error: null },
  );
});

test('a test call sends one signed event of the type webhook.test', async (t) => {
  const receiver = await startReceiver(t);
  const webhook = await createWebhook(server, { url: receiver.url });
  const { id } = await testCall(server, webhook.id);
  const request = await receiver.next();
  const body = JSON.parse(request.body.toString('utf8'));
  assert.deepEqual([body.id, body.type], [id, 'webhook.test']);
  assert.equal(request.header('webhook-id'), id);
  assert.equal(request.header('X-Webhook-Event'), 'webhook.test');
  assert.equal(request.header('X-Webhook-Trigger'), 'test');
  assert.equal(request.header('X-Webhook-Attempt'), '1');
  assert.equal(receiver.requests.length, 1);
});

test('an empty body is none, whatever type it says it is', async (t) => {
  const receiver = await startReceiver(t);
  const { id } = await createWebhook(server, { url: receiver.url });
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const answer = await server.request('POST', `/v1/webhooks/${id}/test`, '', headers);
  assert.equal(expectStatus(200, answer).status, 'delivered');
});

test('the delivery log shows a test call', async (t) => {
  const receiver = await startReceiver(t);
  const webhook = await createWebhook(server, { url: receiver.url });
  const { id } = await testCall(server, webhook.id);
  const [delivery, ...others] = await listDeliveries(server, webhook.id);
  assert.deepEqual(others, []);
  assert.deepEqual(
    [delivery?.event_id, delivery?.trigger, delivery?.status, delivery?.response_code],
    [id, 'test', 'delivered', 200],
  );
  assert.equal((await receiver.next()).header('X-Webhook-Delivery'), delivery?.id);
});

test('the event of a test call can be read', async (t) => {
  const receiver = await startReceiver(t);
  const webhook = await createWebhook(server, { url: receiver.url });
  const { id } = await testCall(server, webhook.id);
  const read = await server.request('GET', `/v1/events/${id}`);
  assert.equal(read.text, (await receiver.next()).body.toString('utf8'));
});

const failing: readonly [what: string, Answer, code: string, responseCode: number | null][] = [
  ['answers 500', { status: 500, body: 'no' }, 'http_status', 500],
  ['answers 404', { status: 404, body: 'no' }, 'http_status', 404],
  ['redirects with 302', { status: 302, headers: { Location: '/' } }, 'redirect', 302],
  ['resets the connection', { kind: 'reset' }, 'connection_reset', null],
  ['hangs', { kind: 'hang' }, 'timeout', null],
  ['answers what is not HTTP', { kind: 'raw', bytes: 'Hello\r\n\r\n' }, 'malformed_response', null],
];
for (const [what, answer, code, responseCode] of failing) {
  test(`a test call to a receiver that ${what} answers 200, "failed" and why`, async (t) => {
    const receiver = await startReceiver(t, { otherwise: answer });
    const webhook = await createWebhook(server, { url: receiver.url });
    await expectFailure(server, webhook.id, code, responseCode);
    assert.equal(receiver.requests.length, 1);
  });
}

test('a test call to a receiver that refuses the connection answers "failed" and why', async (t) => {
  const webhook = await createWebhook(server, { url: await refusingUrl(t) });
  await expectFailure(server, webhook.id, 'connection_refused', null);
});

test('a test call to a name that does not exist answers "failed" and why', async () => {
  const webhook = await createWebhook(server, { url: 'http://posthorn.invalid/webhooks' });
  await expectFailure(server, webhook.id, 'dns_failed', null);
});

test('a test call is answered within the time of one attempt, however long it takes', async (t) => {
  const receiver = await startReceiver(t, { otherwise: { kind: 'hang' } });
  const webhook = await createWebhook(server, { url: receiver.url });
  const startedAt = performance.now();
  await testCall(server, webhook.id);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs >= ATTEMPT_TIMEOUT_MS, `${tookMs} ms`);
  assert.ok(tookMs < 15_000, `${tookMs} ms`);
});

for (const status of ['paused', 'disabled']) {
  test(`a test call works on a webhook that is ${status}`, async (t) => {
    const receiver = await startReceiver(t);
    const webhook = await createWebhook(server, { url: receiver.url });
    expectStatus(200, await server.request('PATCH', `/v1/webhooks/${webhook.id}`, { status }));
    assert.equal((await testCall(server, webhook.id)).status, 'delivered');
    assert.equal(receiver.requests.length, 1);
  });
}

test('a test call needs no body, and takes an empty object', async (t) => {
  const receiver = await startReceiver(t);
  const webhook = await createWebhook(server, { url: receiver.url });
  const path = `/v1/webhooks/${webhook.id}/test`;
  expectStatus(200, await server.request('POST', path));
  expectStatus(200, await server.request('POST', path, {}));
  expectStatus(200, await server.request('POST', path, ''));
  assert.equal(receiver.requests.length, 3);
});

test('a test call goes to its webhook alone, whatever others subscribe to', async (t) => {
  const [receiver, other] = [await startReceiver(t), await startReceiver(t)];
  const webhook = await createWebhook(server, { url: receiver.url, events: ['user.created'] });
  const another = await createWebhook(server, { url: other.url });
  await testCall(server, webhook.id);
  assert.equal(receiver.requests.length, 1);
  assert.deepEqual(await listDeliveries(server, another.id), []);
});

async function testCall(server: TestServer, webhookId: string): Promise<TestCallBody> {
  const answer = await server.request<TestCallBody>('POST', `/v1/webhooks/${webhookId}/test`);
  return expectStatus(200, answer);
}

/** Makes the call and expects this failure, in its answer and in the log. */
async function expectFailure(
  server: TestServer,
  webhookId: string,
  code: string,
  responseCode: number | null,
): Promise<void> {
  const said = await testCall(server, webhookId);
  assert.deepEqual(
    [said.status, said.response_code, said.error?.code],
    ['failed', responseCode, code],
  );
  assert.match(said.error?.detail ?? '', /^[A-Z].+\.$/);
  const [logged] = await listDeliveries(server, webhookId);
  assert.ok(logged);
  const { event_id, status, response_code, error, next_attempt_at } = logged;
  assert.deepEqual(
    { event_id, status, response_code, error, next_attempt_at },
    {
      event_id: said.id,
      status: 'failed',
      response_code: responseCode,
      error: said.error,
      next_attempt_at: null,
    },
  );
  assert.equal((await getDelivery(server, logged.id)).attempts.length, 1);
}
