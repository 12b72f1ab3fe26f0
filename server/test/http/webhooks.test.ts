import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, test } from 'node:test';
import {
  createWebhook,
  endedDelivery,
  expectStatus,
  type ListBody,
  listDeliveries,
  type ProblemBody,
  publish,
  type WebhookBody,
} from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestServer, type TestServer } from '../support/start-test-server.ts';
import { until } from '../support/until.ts';

const DOCUMENTED = {
  url: 'https://yourdomain.com/webhooks',
  events: ['user.created', 'user.updated'],
};
const SECRET = 'your_webhook_secret';
const WHOLE_SECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** For tests that publish nothing. */
const shared = await startTestServer({ after });

test('a webhook is created as the reference prints it', async () => {
  const answer = await shared.request<WebhookBody>('POST', '/v1/webhooks', DOCUMENTED);
  const { id, url, events, created_at, status } = expectStatus(201, answer);
  assert.match(id, /^wh_[A-Za-z0-9]+$/);
  assert.match(created_at, WHOLE_SECONDS);
  assert.deepEqual({ url, events, status }, { ...DOCUMENTED, status: 'active' });
});

test('the calls of the reference answer 201, 200, 200, 200 and 204', async () => {
  const created = await shared.request<WebhookBody>('POST', '/v1/webhooks', {
    ...DOCUMENTED,
    events: ['user.created', 'user.updated', 'project.created'],
    secret: SECRET,
  });
  const path = `/v1/webhooks/${created.body.id}`;
  const patch = { events: ['user.created', 'user.updated', 'user.deleted'], status: 'active' };
  const answers = [
    created,
    await shared.request('GET', '/v1/webhooks'),
    await shared.request('GET', path),
    await shared.request('PATCH', path, patch),
    await shared.request('DELETE', path),
  ];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [201, 200, 200, 200, 204],
  );
});

test('a webhook is read as it was created, with the documented members', async () => {
  const { secret: _, standard_secret: __, ...created } = await createWebhook(shared, DOCUMENTED);
  const read = await shared.request<WebhookBody>('GET', `/v1/webhooks/${created.id}`);
  assert.deepEqual(expectStatus(200, read), created);
  assert.partialDeepStrictEqual(created, {
    ...DOCUMENTED,
    status: 'active',
    description: '',
    disabled_reason: null,
    updated_at: created.created_at,
  });
});

test('the list of webhooks has each one as it is read alone', async (t) => {
  const server = await startTestServer(t);
  const first = await createWebhook(server, DOCUMENTED);
  const second = await createWebhook(server, { ...DOCUMENTED, events: ['*'] });
  const alone = [await readWebhook(server, second.id), await readWebhook(server, first.id)];
  const list = await server.request<ListBody<WebhookBody>>('GET', '/v1/webhooks');
  assert.deepEqual(expectStatus(200, list), { data: alone, has_more: false, next_cursor: null });
});

test('a generated secret is shown when the webhook is created, and never again', async () => {
  const created = await createWebhook(shared, DOCUMENTED);
  const secret = created.secret ?? '';
  const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64');
  assert.equal(secret, `whsec_${bytes.toString('base64')}`);
  assert.equal(bytes.length, 32);
  assert.equal(created.secret_hint, secret.slice(-4));
  await expectNeverShown(shared, created.id, secret);
});

test('a generated secret stands beside its Standard Webhooks spelling, which is the same', async () => {
  const { secret, standard_secret } = await createWebhook(shared, DOCUMENTED);
  assert.notEqual(secret, undefined);
  assert.equal(standard_secret, secret);
});

test('two webhooks never get the same secret', async () => {
  const secrets = [
    (await createWebhook(shared, DOCUMENTED)).secret,
    (await createWebhook(shared, DOCUMENTED)).secret,
  ];
  assert.equal(new Set(secrets).size, 2);
});

test('a secret that was given is never shown, except for its last four characters', async () => {
  const created = await createWebhook(shared, { ...DOCUMENTED, secret: SECRET });
  assert.equal('secret' in created, false);
  assert.equal('standard_secret' in created, false);
  assert.equal(created.secret_hint, 'cret');
  await expectNeverShown(shared, created.id, SECRET);
});

test('a patch changes what it names and nothing else', async (t) => {
  const changes = [
    { url: 'https://example.com/other' },
    { events: ['user.*', 'team.member.added'] },
    { description: 'For the billing team.' },
    { status: 'paused' },
    { status: 'active' },
  ];
  for (const change of changes) {
    await t.test(JSON.stringify(change), async () => {
      const { id } = await createWebhook(shared, DOCUMENTED);
      const before = await readWebhook(shared, id);
      const patched = await patchWebhook(shared, id, change);
      assert.deepEqual(patched, { ...before, ...change, updated_at: patched.updated_at });
      assert.deepEqual(await readWebhook(shared, id), patched);
    });
  }
});

test('an empty patch is accepted and changes nothing', async () => {
  const { id } = await createWebhook(shared, DOCUMENTED);
  const before = await readWebhook(shared, id);
  const patched = await patchWebhook(shared, id, {});
  assert.deepEqual(patched, { ...before, updated_at: patched.updated_at });
});

test('a patch that is refused in one member changes none', async () => {
  const { id } = await createWebhook(shared, DOCUMENTED);
  const before = await readWebhook(shared, id);
  const patch = { description: 'New.', url: 'ftp://example.com' };
  expectStatus(422, await shared.request('PATCH', `/v1/webhooks/${id}`, patch));
  assert.deepEqual(await readWebhook(shared, id), before);
});

test('a webhook that its owner disabled says so, and no longer when it is active again', async () => {
  const { id } = await createWebhook(shared, DOCUMENTED);
  const disabled = await patchWebhook(shared, id, { status: 'disabled' });
  assert.deepEqual([disabled.status, disabled.disabled_reason], ['disabled', 'owner']);
  const active = await patchWebhook(shared, id, { status: 'active' });
  assert.deepEqual([active.status, active.disabled_reason], ['active', null]);
});

test('after its URL is changed, events go to the new one', async (t) => {
  const server = await startTestServer(t);
  const [before, now] = [await startReceiver(t), await startReceiver(t)];
  const { id } = await createWebhook(server, { url: before.url });
  await patchWebhook(server, id, { url: now.url });
  const event = await publish(server);
  assert.equal((await now.next()).header('webhook-id'), event.id);
  assert.equal(before.requests.length, 0);
});

test('after its secret is changed, deliveries carry both signatures, and receivers of either verify them', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t);
  const { id } = await createWebhook(server, { url: receiver.url, secret: SECRET });
  const newer = 'another_webhook_secret_1234';
  const patched = await patchWebhook(server, id, { secret: newer });
  assert.equal(patched.secret_hint, '1234');
  assert.equal('secret' in patched, false);

  await publish(server);
  const old = await receiver.next();
  assert.equal(old.header('X-Webhook-Signature'), legacyOf(SECRET, old.body), 'the old one first');
  assert.equal(old.header('webhook-signature').split(' ').length, 2);

  receiver.script({ status: 401 });
  await publish(server);
  assert.equal((await receiver.next()).header('X-Webhook-Attempt'), '1');
  const again = await receiver.next();
  assert.equal(again.header('X-Webhook-Attempt'), '1', 'the same attempt, once more at once');
  assert.equal(again.header('X-Webhook-Signature'), legacyOf(newer, again.body));
  // What is signed before that is settled may still have the old one first.
  await until('it is settled', async () => {
    const deliveries = await listDeliveries(server, id);
    return deliveries.every(({ status }) => status === 'delivered');
  });

  await publish(server);
  const later = await receiver.next();
  assert.equal(later.header('X-Webhook-Signature'), legacyOf(newer, later.body), 'it is preferred');
});

function legacyOf(secret: string, body: string | Uint8Array): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

test('after its events are changed, a webhook gets those and no others', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t);
  const { id } = await createWebhook(server, { url: receiver.url, events: ['user.created'] });
  await patchWebhook(server, id, { events: ['user.deleted'] });
  await publish(server, {}, 'user.created');
  const deleted = await publish(server, {}, 'user.deleted');
  assert.equal((await receiver.next()).header('webhook-id'), deleted.id);
  const deliveries = await listDeliveries(server, id);
  assert.deepEqual(
    deliveries.map(({ event_id }) => event_id),
    [deleted.id],
  );
});

test('what is published for a paused webhook waits, and is delivered when it is active', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t);
  const { id } = await createWebhook(server, { url: receiver.url });
  await patchWebhook(server, id, { status: 'paused' });
  const event = await publish(server);
  const [waiting] = await listDeliveries(server, id);
  assert.equal(waiting?.status, 'pending');
  assert.equal(receiver.requests.length, 0);
  await patchWebhook(server, id, { status: 'active' });
  assert.equal((await receiver.next()).header('webhook-id'), event.id);
});

test('what is published while a webhook is disabled is never delivered to it', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t);
  const { id } = await createWebhook(server, { url: receiver.url });
  await patchWebhook(server, id, { status: 'disabled' });
  await publish(server);
  assert.deepEqual(await listDeliveries(server, id), []);
  await patchWebhook(server, id, { status: 'active' });
  const later = await publish(server);
  assert.equal((await receiver.next()).header('webhook-id'), later.id);
  assert.equal((await listDeliveries(server, id)).length, 1);
});

test('what waits for a webhook that is disabled is cancelled', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t, { otherwise: { status: 500 } });
  const { id } = await createWebhook(server, { url: receiver.url });
  await publish(server);
  await until('the first attempt has failed', async () => {
    const [delivery] = await listDeliveries(server, id);
    return delivery?.attempt_count === 1;
  });
  await patchWebhook(server, id, { status: 'disabled' });
  const { status, cancel_reason, next_attempt_at } = await endedDelivery(server, id);
  assert.deepEqual(
    { status, cancel_reason, next_attempt_at },
    { status: 'cancelled', cancel_reason: 'webhook_disabled', next_attempt_at: null },
  );
});

test('a deleted webhook is answered with 204 and no body, and is gone', async () => {
  const { id } = await createWebhook(shared, DOCUMENTED);
  const deleted = await shared.request('DELETE', `/v1/webhooks/${id}`);
  assert.deepEqual([deleted.status, deleted.text], [204, '']);
  const gone = [
    await shared.request<ProblemBody>('GET', `/v1/webhooks/${id}`),
    await shared.request<ProblemBody>('PATCH', `/v1/webhooks/${id}`, { status: 'active' }),
    await shared.request<ProblemBody>('DELETE', `/v1/webhooks/${id}`),
    await shared.request<ProblemBody>('POST', `/v1/webhooks/${id}/test`),
    await shared.request<ProblemBody>('GET', `/v1/webhooks/${id}/deliveries`),
  ];
  assert.deepEqual(
    gone.map(({ status, body }) => [status, body.code]),
    gone.map(() => [404, 'not_found']),
  );
  const list = await shared.request('GET', '/v1/webhooks?limit=100');
  assert.equal(list.text.includes(id), false);
});

test('a deleted webhook receives nothing more, not even a retry', async (t) => {
  const server = await startTestServer(t, { retryScheduleMs: [0, 100, 100] });
  const receiver = await startReceiver(t, { otherwise: { status: 500 } });
  const other = await startReceiver(t);
  const { id } = await createWebhook(server, { url: receiver.url });
  await publish(server);
  await receiver.next();
  expectStatus(204, await server.request('DELETE', `/v1/webhooks/${id}`));
  const received = receiver.requests.length;
  await createWebhook(server, { url: other.url });
  other.script({ status: 500 }, { status: 500 });
  const event = await publish(server);
  await other.ofEvent(event.id, 3);
  assert.equal(receiver.requests.length, received);
});

async function readWebhook(server: TestServer, id: string): Promise<WebhookBody> {
  return expectStatus(200, await server.request<WebhookBody>('GET', `/v1/webhooks/${id}`));
}

async function patchWebhook(server: TestServer, id: string, patch: object): Promise<WebhookBody> {
  return expectStatus(200, await server.request<WebhookBody>('PATCH', `/v1/webhooks/${id}`, patch));
}

async function expectNeverShown(server: TestServer, id: string, secret: string): Promise<void> {
  const answers = [
    await server.request('GET', `/v1/webhooks/${id}`),
    await server.request('GET', '/v1/webhooks?limit=100'),
    await server.request('PATCH', `/v1/webhooks/${id}`, { description: 'Changed.' }),
  ];
  for (const { status, text } of answers) {
    assert.equal(status, 200);
    assert.equal(text.includes(id), true);
    assert.equal(text.includes(secret), false);
    assert.equal(/"(standard_)?secret"/.test(text), false);
  }
}
