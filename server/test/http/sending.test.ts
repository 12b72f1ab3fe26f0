import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  type AcceptedBody,
  createWebhook,
  type DeliveryBody,
  endedDelivery,
  expectStatus,
  getDelivery,
  type ListBody,
  listDeliveries,
  publish,
  type RecoveryBody,
  type WebhookBody,
} from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestServer, type TestServer } from '../support/start-test-server.ts';
import { until } from '../support/until.ts';

/** What a webhook asks for, from the call of the API to the receiver. */

test('a strict webhook gets a batch, what failed and what came behind it in their order', async (t) => {
  const server = await startTestServer(t, { retryScheduleMs: [0, 100, 100] });
  const receiver = await startReceiver(t, {
    script: [{ status: 200 }, { status: 500 }, { status: 503 }],
  });
  const { id } = await createWebhook(server, fields(receiver.url, { ordering: 'strict' }));
  const eventIds = [...(await publishBatch(server, 20)), (await publish(server)).id];
  const requests = await receiver.received(23);
  const [, second] = eventIds;
  assert.deepEqual(
    requests.map((request) => request.header('webhook-id')),
    [eventIds[0], second, second, ...eventIds.slice(1)],
  );
  await until('all are delivered', async () => allDelivered(server, id, 21));
});

test('a strict webhook whose head has failed for good goes on with the next', async (t) => {
  const server = await startTestServer(t, { retryScheduleMs: [0, 50] });
  const receiver = await startReceiver(t, { script: [{ status: 500 }, { status: 500 }] });
  const { id } = await createWebhook(server, fields(receiver.url, { ordering: 'strict' }));
  const [head, next] = await publishBatch(server, 2);
  const requests = await receiver.received(3);
  assert.deepEqual(
    requests.map((request) => request.header('webhook-id')),
    [head, head, next],
  );
  await until('both have ended', async () => {
    const statuses = (await listDeliveries(server, id)).map(({ status }) => status);
    return statuses.sort().join() === 'delivered,failed';
  });
});

test('a webhook with a rate limit is sent no more than that within any second, and all of it', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t);
  const limit = { rate_limit: { max: 5, per: '1s' } };
  const { id } = await createWebhook(server, fields(receiver.url, limit));
  await publishBatch(server, 18);
  await receiver.received(18);
  await until('all are delivered', async () => allDelivered(server, id, 18));
  const deliveries = await listDeliveries(server, id);
  const read = await Promise.all(deliveries.map((one) => getDelivery(server, one.id)));
  // Not when they were received: the first of a second may be longer on its way than the sixth.
  const began = read
    .flatMap(({ attempts }) => attempts.map(({ started_at }) => Date.parse(started_at)))
    .sort((a, b) => a - b);
  assert.equal(began.length, 18);
  for (const [index, moment] of began.entries()) {
    const sixth = began[index + 5] ?? Number.POSITIVE_INFINITY;
    assert.ok(sixth - moment >= 1_000, `${sixth - moment} ms for six`);
  }
});

test('a webhook whose receiver asks for a pause shows until when, and its next attempt waits', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t, {
    script: [{ status: 429, headers: { 'Retry-After': '3600' } }],
  });
  const { id } = await createWebhook(server, { url: receiver.url });
  const before = Date.now();
  await publish(server);
  const held = await until('it is held', async () => {
    const { held_until } = await read(server, id);
    return held_until !== null && Date.parse(held_until);
  });
  // The attempt is written down a moment later.
  await until('its next attempt waits', async () => {
    const [delivery] = await listDeliveries(server, id);
    return Date.parse(delivery?.next_attempt_at ?? '') === held;
  });
  assert.ok(held >= before + 3_599_000 && held <= Date.now() + 3_600_000);
  const stats = await server.request<{ next_attempt_at: string | null }>(
    'GET',
    `/v1/webhooks/${id}/stats`,
  );
  assert.equal(Date.parse(expectStatus(200, stats).next_attempt_at ?? ''), held);
  await publish(server);
  const [second] = await listDeliveries(server, id);
  assert.deepEqual([second?.status, second?.attempt_count], ['pending', 0]);
  assert.equal(receiver.requests.length, 1);

  const tested = await server.request('POST', `/v1/webhooks/${id}/test`);
  assert.equal(expectStatus(200, tested).status, 'delivered');
  assert.equal((await read(server, id)).held_until, null);
  await receiver.received(3);
  assert.equal(receiver.requests[2]?.header('webhook-id'), second?.event_id);
});

test('a receiver that is gone has its webhook disabled, when it is set so', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t, { otherwise: { status: 410 } });
  const { id } = await createWebhook(server, fields(receiver.url, { on_gone: 'disable' }));
  await publish(server);
  assert.equal((await endedDelivery(server, id)).status, 'failed');
  const webhook = await until('it is disabled', async () => {
    const { status, disabled_reason } = await read(server, id);
    return status === 'disabled' && { status, disabled_reason };
  });
  assert.equal(webhook.disabled_reason, 'gone');
  assert.equal(receiver.requests.length, 1);
});

test('a receiver that learns the new secret later gets both, and loses nothing', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t, { script: [{ status: 401 }] });
  const { id } = await createWebhook(server, { url: receiver.url });
  const path = `/v1/webhooks/${id}/secret/rotate`;
  expectStatus(200, await server.request('POST', path));
  await publish(server);
  const [first, second] = await receiver.received(2);
  assert.equal(first?.header('webhook-id'), second?.header('webhook-id'));
  assert.notEqual(first?.header('x-webhook-signature'), second?.header('x-webhook-signature'));
  const delivery = await endedDelivery(server, id);
  assert.equal(delivery.status, 'delivered');
  assert.deepEqual(
    delivery.attempts.map(({ number, response_code, note }) => [number, response_code, note?.code]),
    [
      [1, 401, undefined],
      [1, 200, 'second_secret'],
    ],
  );
});

describe('a recovery', () => {
  test('brings back what was missed while a webhook was disabled, once', async (t) => {
    const server = await startTestServer(t);
    const receiver = await startReceiver(t);
    const since = new Date(Date.now() - 60_000).toISOString();
    const { id } = await createWebhook(server, { url: receiver.url, events: ['user.created'] });
    const taken = await publish(server);
    await receiver.received(1);
    await until('it is delivered', async () => allDelivered(server, id, 1));
    await patch(server, id, { status: 'disabled' });
    const missed = await publishBatch(server, 250);
    await publish(server, {}, 'user.deleted');
    await patch(server, id, { status: 'active' });
    const live = await publish(server);

    const path = `/v1/webhooks/${id}/recover`;
    const answer = await server.request<RecoveryBody>('POST', path, { since });
    const { id: recoveryId } = expectStatus(202, answer);
    const requests = await receiver.received(252);
    const done = await until('it is done', async () => {
      const of = await server.request<RecoveryBody>('GET', `/v1/recoveries/${recoveryId}`);
      const recovery = expectStatus(200, of);
      return recovery.status === 'done' && recovery;
    });
    assert.equal(done.deliveries, 250);
    const eventIds = requests.map((request) => request.header('webhook-id'));
    assert.deepEqual(eventIds.sort(), [taken.id, live.id, ...missed].sort());
    await until('nothing is pending', async () => isNothingPending(server, id));
    assert.equal(receiver.requests.length, 252);
  });

  test('of a webhook that is disabled meanwhile is cancelled', async (t) => {
    const server = await startTestServer(t);
    const receiver = await startReceiver(t, { otherwise: { kind: 'hang' } });
    const { id } = await createWebhook(server, { url: receiver.url });
    await patch(server, id, { status: 'disabled' });
    await publishBatch(server, 300);
    await patch(server, id, { status: 'active' });
    const since = new Date(Date.now() - 60_000).toISOString();
    const path = `/v1/webhooks/${id}/recover`;
    const answer = await server.request<RecoveryBody>('POST', path, { since });
    const { id: recoveryId } = expectStatus(202, answer);
    await receiver.received(1);
    await patch(server, id, { status: 'disabled' });
    await until('it is cancelled', async () => {
      const of = await server.request<RecoveryBody>('GET', `/v1/recoveries/${recoveryId}`);
      return expectStatus(200, of).status === 'cancelled';
    });
    assert.equal(await isNothingPending(server, id), true);
  });
});

test('two delivery threads that are stopped and started again send nothing twice', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const environment = {
    POSTHORN_DATABASE_URL: `sqlite:${join(folder, 'posthorn.db')}`,
    POSTHORN_DELIVERY_THREADS: '2',
  };
  const receiver = await startReceiver(t);
  let server = await startTestServer(t, { environment });
  const { encryptionKey } = server;
  const webhooks = 6;
  const limit = { concurrency_max: 2 };
  for (let made = 0; made < webhooks; made++) {
    await createWebhook(server, fields(`${receiver.url}/${made}`, limit));
  }
  await publishBatch(server, 300);
  for (let restart = 1; restart <= 3; restart++) {
    await receiver.received(restart * 50);
    await server.stop();
    server = await startTestServer(t, { environment, encryptionKey });
  }
  await receiver.received(webhooks * 300);
  await until('nothing is pending', async () => {
    const path = '/v1/deliveries?status=pending&limit=1';
    return (
      expectStatus(200, await server.request<ListBody<DeliveryBody>>('GET', path)).data.length === 0
    );
  });
  const sent = receiver.requests.map((one) => one.header('x-webhook-delivery'));
  assert.equal(new Set(sent).size, webhooks * 300);
  assert.equal(sent.length, webhooks * 300);
});

function fields(url: string, settings: object): { url: string } {
  return { url, ...settings };
}

async function publishBatch(server: TestServer, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const events = Array.from({ length: Math.min(100, count - ids.length) }, () => {
      return { type: 'user.created', data: {} };
    });
    const answer = await server.request<ListBody<AcceptedBody>>('POST', '/v1/events', { events });
    ids.push(...expectStatus(202, answer).data.map(({ id }) => id));
  }
  return ids;
}

async function read(server: TestServer, id: string): Promise<WebhookBody> {
  return expectStatus(200, await server.request<WebhookBody>('GET', `/v1/webhooks/${id}`));
}

async function patch(server: TestServer, id: string, change: object): Promise<void> {
  expectStatus(200, await server.request('PATCH', `/v1/webhooks/${id}`, change));
}

async function allDelivered(server: TestServer, id: string, count: number): Promise<boolean> {
  const deliveries = await listDeliveries(server, id);
  return deliveries.length === count && deliveries.every(({ status }) => status === 'delivered');
}

async function isNothingPending(server: TestServer, id: string): Promise<boolean> {
  const path = `/v1/webhooks/${id}/deliveries?status=pending&limit=1`;
  return (
    expectStatus(200, await server.request<ListBody<DeliveryBody>>('GET', path)).data.length === 0
  );
}
