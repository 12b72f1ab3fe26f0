import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createWebhook,
  type DeliveryBody,
  endedDelivery,
  expectStatus,
  getDelivery,
  type ListBody,
  listDeliveries,
  type ProblemBody,
  publish,
} from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestServer } from '../support/start-test-server.ts';
import { until } from '../support/until.ts';

const WHOLE_SECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const MILLISECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const RESPONSE_CHARS_KEPT = 4_096;

test('the log of a webhook has its deliveries as the reference prints them', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t);
  const webhook = await createWebhook(server, { url: receiver.url });
  const event = await publish(server);
  await endedDelivery(server, webhook.id);

  const path = `/v1/webhooks/${webhook.id}/deliveries`;
  const answer = await server.request<ListBody<DeliveryBody>>('GET', path);
  const { data, has_more, next_cursor } = expectStatus(200, answer);
  assert.deepEqual({ has_more, next_cursor }, { has_more: false, next_cursor: null });
  const [delivery, ...others] = data;
  assert.ok(delivery);
  assert.deepEqual(others, []);
  const { id, event_id, status, response_code, response_time_ms, created_at } = delivery;
  assert.match(id, /^del_[A-Za-z0-9]+$/);
  assert.deepEqual(
    { event_id, status, response_code },
    {
      event_id: event.id,
      status: 'delivered',
      response_code: 200,
    },
  );
  assert.ok(Number.isInteger(response_time_ms) && Number(response_time_ms) >= 0);
  assert.match(created_at, WHOLE_SECONDS);
});

test('a delivery in the log says also where it went, why, how often and what failed', async (t) => {
  const server = await startTestServer(t, { retryScheduleMs: [0] });
  const receiver = await startReceiver(t, { otherwise: { status: 503 } });
  const webhook = await createWebhook(server, { url: receiver.url });
  await publish(server, {}, 'team.member.added');
  const { attempts: _, ...ended } = await endedDelivery(server, webhook.id);
  const { webhook_id, event_type, trigger, attempt_count, next_attempt_at, cancel_reason } = ended;
  assert.deepEqual(
    { webhook_id, event_type, trigger, attempt_count, next_attempt_at, cancel_reason },
    {
      webhook_id: webhook.id,
      event_type: 'team.member.added',
      trigger: 'schedule',
      attempt_count: 1,
      next_attempt_at: null,
      cancel_reason: null,
    },
  );
  assert.equal(ended.status, 'failed');
  assert.equal(ended.error?.code, 'http_status');
  assert.match(ended.error?.detail ?? '', /^[A-Z].+\.$/);
  assert.deepEqual(await listDeliveries(server, webhook.id), [ended]);
});

test('a delivery that was not answered yet has no response in the log', async (t) => {
  const server = await startTestServer(t, { attemptTimeoutMs: 2_000 });
  const receiver = await startReceiver(t, { otherwise: { kind: 'hang' } });
  const webhook = await createWebhook(server, { url: receiver.url });
  await publish(server);
  await receiver.next();
  const [delivery] = await listDeliveries(server, webhook.id);
  assert.ok(delivery);
  const { status, response_code, response_time_ms, attempt_count, error } = delivery;
  assert.deepEqual(
    { status, response_code, response_time_ms, attempt_count, error },
    {
      status: 'pending',
      response_code: null,
      response_time_ms: null,
      attempt_count: 0,
      error: null,
    },
  );
});

test('a delivery is read with all its attempts, oldest first', async (t) => {
  const server = await startTestServer(t, { retryScheduleMs: [0, 10, 10] });
  const receiver = await startReceiver(t, {
    script: [
      // On a kept connection the reset would not be an attempt: it is sent once more.
      { status: 500, headers: { Connection: 'close' }, body: 'broken' },
      { kind: 'reset' },
      { status: 201, body: 'done' },
    ],
  });
  const webhook = await createWebhook(server, { url: receiver.url });
  await publish(server);
  const { attempts, ...delivery } = await endedDelivery(server, webhook.id);

  assert.deepEqual(
    attempts.map(({ number, response_code, response_body, error }) => [
      number,
      response_code,
      response_body,
      error?.code ?? null,
    ]),
    [
      [1, 500, 'broken', 'http_status'],
      [2, null, null, 'connection_reset'],
      [3, 201, 'done', null],
    ],
  );
  for (const attempt of attempts) {
    assert.match(attempt.id, /^att_[A-Za-z0-9]+$/);
    assert.match(attempt.started_at, MILLISECONDS);
    assert.equal(attempt.response_time_ms === null, attempt.response_code === null);
  }
  assert.equal(delivery.status, 'delivered');
  assert.equal(delivery.attempt_count, 3);
  assert.equal(delivery.response_code, 201);
});

test('between two attempts a delivery is pending and says when the next one is due', async (t) => {
  const server = await startTestServer(t, { retryScheduleMs: [0, 3_600_000] });
  const receiver = await startReceiver(t, { otherwise: { status: 500 } });
  const webhook = await createWebhook(server, { url: receiver.url });
  await publish(server);
  const { id } = await until('the first attempt has failed', async () => {
    const [first] = await listDeliveries(server, webhook.id);
    return first?.attempt_count === 1 && first;
  });
  const { status, next_attempt_at, attempts } = await getDelivery(server, id);
  assert.equal(status, 'pending');
  assert.match(next_attempt_at ?? '', MILLISECONDS);
  const waitMs = Date.parse(next_attempt_at ?? '') - Date.parse(attempts[0]?.started_at ?? '');
  assert.ok(waitMs >= 3_600_000, `the next attempt is due after ${waitMs} ms`);
});

test('of a long response the first 4 KiB are kept', async (t) => {
  const server = await startTestServer(t);
  const body = `begin ${'x'.repeat(10_000)}`;
  const receiver = await startReceiver(t, { otherwise: { status: 200, body } });
  const webhook = await createWebhook(server, { url: receiver.url });
  await publish(server);
  const { attempts } = await endedDelivery(server, webhook.id);
  assert.equal(attempts[0]?.response_body, body.slice(0, RESPONSE_CHARS_KEPT));
});

test('the log of a webhook has nothing of another webhook', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t);
  const created = await createWebhook(server, { url: receiver.url, events: ['user.created'] });
  const deleted = await createWebhook(server, { url: receiver.url, events: ['user.deleted'] });
  const first = await publish(server, {}, 'user.created');
  const second = await publish(server, {}, 'user.deleted');
  const logged = async (id: string) =>
    (await listDeliveries(server, id)).map(({ event_id }) => event_id);
  assert.deepEqual(await logged(created.id), [first.id]);
  assert.deepEqual(await logged(deleted.id), [second.id]);
});

test('a delivery that does not exist is answered with 404', async (t) => {
  const server = await startTestServer(t);
  for (const id of ['del_0000000000000000000000AB', 'evt_0000000000000000000000AB', 'x']) {
    const answer = await server.request<ProblemBody>('GET', `/v1/deliveries/${id}`);
    assert.equal(expectStatus(404, answer).code, 'not_found');
  }
});
