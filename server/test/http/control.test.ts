import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import {
  createWebhook,
  type DeliveryBody,
  expectStatus,
  getDelivery,
  type ListBody,
  publish,
  type WebhookBody,
} from '../support/api.ts';
import { type ReceivedRequest, startReceiver, type TestReceiver } from '../support/receiver.ts';
import { startTestServer, type TestServer } from '../support/start-test-server.ts';
import { until } from '../support/until.ts';

/** At most so many exchanges are in progress when a call is answered, and reach the receiver after that. */
const IN_PROGRESS = 4;
/** The time for which one of them may be on its way, on a busy machine. */
const ON_ITS_WAY_MS = 500;
const EVENTS = 1_000;
const ROUNDS = 2;

interface Stream {
  server: TestServer;
  receiver: TestReceiver;
  webhook: WebhookBody;
}

/** Each is answered while a webhook has a long backlog and a receiver that takes it as fast as it can. */
describe('under a stream of deliveries, when it has been answered that a webhook', () => {
  for (const status of ['paused', 'disabled']) {
    test(`is ${status}, no exchange begins`, async (t) => {
      for (let round = 0; round < ROUNDS; round++) {
        const stream = await open(t);
        await patch(stream, { status });
        await expectSilence(stream);
      }
    });
  }

  test('is deleted, no exchange begins', async (t) => {
    for (let round = 0; round < ROUNDS; round++) {
      const stream = await open(t);
      const { server, webhook } = stream;
      expectStatus(204, await server.request('DELETE', `/v1/webhooks/${webhook.id}`));
      await expectSilence(stream);
    }
  });

  test('has another URL, no exchange with the one before begins', async (t) => {
    for (let round = 0; round < ROUNDS; round++) {
      const stream = await open(t);
      const next = await startReceiver(t);
      await patch(stream, { url: next.url });
      const answeredAt = performance.now();
      await next.received(100);
      expectInProgress(stream.receiver.requests, answeredAt);
    }
  });

  test('has another secret and no overlap, nothing is signed with the one before', async (t) => {
    for (let round = 0; round < ROUNDS; round++) {
      const { server, receiver, webhook } = await open(t);
      const path = `/v1/webhooks/${webhook.id}/secret/rotate`;
      const answer = await server.request<WebhookBody>('POST', path, { overlap: 0 });
      const answeredAt = performance.now();
      const { secret = '' } = expectStatus(200, answer);
      const { length: had } = receiver.requests;
      const requests = await receiver.received(had + 100);
      expectInProgress(
        requests.filter((request) => !isSignedWith(request, secret)),
        answeredAt,
      );
      assert.ok(isSignedWith(requests.at(-1) ?? assert.fail(), secret));
    }
  });

  test('is paused, and again active, everything is sent and nothing twice', async (t) => {
    const stream = await open(t);
    for (let round = 0; round < 5; round++) {
      await patch(stream, { status: 'paused' });
      await patch(stream, { status: 'active' });
    }
    const requests = await stream.receiver.received(EVENTS);
    await allDelivered(stream);
    assert.equal(new Set(requests.map((one) => one.header('webhook-id'))).size, EVENTS);
    assert.equal(stream.receiver.requests.length, EVENTS);
  });
});

test('when it has been answered that a delivery is cancelled, no exchange of it begins', async (t) => {
  const { server, receiver, webhook } = await open(t, { concurrency_max: 2 });
  const path = `/v1/deliveries?webhook_id=${webhook.id}&status=pending&limit=100`;
  const { data } = expectStatus(200, await server.request<ListBody<DeliveryBody>>('GET', path));
  const cancelled = new Map<string, number>();
  for (const { id } of data.slice(0, 60)) {
    const answer = await server.request('POST', `/v1/deliveries/${id}/cancel`);
    if (answer.status === 200) cancelled.set(id, performance.now());
  }
  assert.ok(cancelled.size > 0, 'some were still pending');
  await until('the others are delivered', async () => {
    const answer = await server.request<ListBody<DeliveryBody>>('GET', path);
    return expectStatus(200, answer).data.length === 0;
  });
  for (const request of receiver.requests) {
    const at = cancelled.get(request.header('x-webhook-delivery'));
    if (at !== undefined) assert.ok(request.receivedAtMs <= at + ON_ITS_WAY_MS);
  }
  for (const id of cancelled.keys()) {
    assert.equal((await getDelivery(server, id)).status, 'cancelled');
  }
});

/** A server with more than one delivery thread, in the middle of a backlog. */
async function open(t: TestContext, settings: object = {}): Promise<Stream> {
  const server = await startTestServer(t, { environment: { POSTHORN_DELIVERY_THREADS: '2' } });
  const receiver = await startReceiver(t);
  const fields = { url: receiver.url, concurrency_max: IN_PROGRESS, ...settings };
  const webhook = await createWebhook(server, fields);
  await publish(server);
  await receiver.received(1);
  const path = `/v1/webhooks/${webhook.id}`;
  expectStatus(200, await server.request('PATCH', path, { status: 'paused' }));
  for (let left = EVENTS - 1; left > 0; left -= 100) {
    const events = Array.from({ length: Math.min(left, 100) }, () => {
      return { type: 'user.created', data: {} };
    });
    expectStatus(202, await server.request('POST', '/v1/events', { events }));
  }
  expectStatus(200, await server.request('PATCH', path, { status: 'active' }));
  await receiver.received(20);
  return { server, receiver, webhook };
}

async function patch({ server, webhook }: Stream, change: object): Promise<void> {
  expectStatus(200, await server.request('PATCH', `/v1/webhooks/${webhook.id}`, change));
}

/** Others are still sent to, and this one is not. */
async function expectSilence({ server, receiver, webhook }: Stream): Promise<void> {
  const answeredAt = performance.now();
  const { length: had } = receiver.requests;
  assert.ok(had < EVENTS, `the stream had not ended (${webhook.id})`);
  const other = await createWebhook(server, { url: `${receiver.url}/other` });
  for (let count = 0; count < 20; count++) await publish(server);
  await until('the others are sent', async () => {
    const others = receiver.requests.filter(({ path }) => path.endsWith('/other'));
    return others.length === 20;
  });
  assert.ok(other.id !== webhook.id);
  expectInProgress(
    receiver.requests.filter(({ path }) => !path.endsWith('/other')),
    answeredAt,
  );
}

function expectInProgress(requests: readonly ReceivedRequest[], answeredAt: number): void {
  const late = requests.filter(({ receivedAtMs }) => receivedAtMs > answeredAt);
  assert.ok(late.length <= IN_PROGRESS, `${late.length} came after the answer`);
}

function isSignedWith(request: ReceivedRequest, secret: string): boolean {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const [id, timestamp] = [request.header('webhook-id'), request.header('webhook-timestamp')];
  const hmac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(request.body);
  return request.header('webhook-signature') === `v1,${hmac.digest('base64')}`;
}

async function allDelivered({ server, webhook }: Stream): Promise<void> {
  const path = `/v1/deliveries?webhook_id=${webhook.id}&status=pending&limit=1`;
  await until('nothing is pending', async () => {
    const answer = await server.request<ListBody<DeliveryBody>>('GET', path);
    return expectStatus(200, answer).data.length === 0;
  });
}
