import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AcceptedBody,
  createWebhook,
  expectStatus,
  type ProblemBody,
  publish,
} from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestServer } from '../support/start-test-server.ts';

test('a published event is answered with 202 and its id, type and time', async (t) => {
  const server = await startTestServer(t);
  const answer = await server.request<AcceptedBody>('POST', '/v1/events', {
    type: 'user.created',
    data: { id: 'usr_789' },
  });
  const { id, created_at } = expectStatus(202, answer);
  assert.match(id, /^evt_[A-Za-z0-9]+$/);
  assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.deepEqual(answer.body, { id, type: 'user.created', created_at });
});

test('an event is read back byte for byte as it was delivered', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t);
  await createWebhook(server, { url: receiver.url });
  const data = { name: 'Jörg 🦊', 10: 'ten', 9: 'nine', list: [1.5, -0, 1e21, null, true] };
  const { id } = await publish(server, data);
  const delivered = await receiver.next();
  const read = await server.request('GET', `/v1/events/${id}`);
  expectStatus(200, read);
  assert.equal(read.text, delivered.body.toString('utf8'));
});

test('an event without a webhook that wants it is accepted and can be read', async (t) => {
  const server = await startTestServer(t);
  const accepted = await publish(server, { id: 'usr_789' });
  const read = await server.request('GET', `/v1/events/${accepted.id}`);
  assert.deepEqual(expectStatus(200, read), { ...accepted, data: { id: 'usr_789' } });
});

test('an event goes to each webhook that subscribes to its type, and to no other', async (t) => {
  const server = await startTestServer(t);
  const named = await startReceiver(t);
  const another = await startReceiver(t);
  const everything = await startReceiver(t);
  await createWebhook(server, { url: named.url, events: ['user.created'] });
  await createWebhook(server, { url: another.url, events: ['user.deleted', 'project.created'] });
  await createWebhook(server, { url: everything.url });

  const created = await publish(server, {}, 'user.created');
  const deleted = await publish(server, {}, 'user.deleted');

  assert.equal((await named.next()).header('webhook-id'), created.id);
  assert.equal((await another.next()).header('webhook-id'), deleted.id);
  const ids = (await everything.received(2)).map((request) => request.header('webhook-id'));
  assert.deepEqual(new Set(ids), new Set([created.id, deleted.id]));
  assert.equal(named.requests.length, 1);
  assert.equal(another.requests.length, 1);
});

test('an event that does not exist is answered with 404', async (t) => {
  const server = await startTestServer(t);
  for (const id of ['evt_0000000000000000000000AB', 'evt_test_0000000000000000000000AB', 'x']) {
    const answer = await server.request<ProblemBody>('GET', `/v1/events/${id}`);
    assert.equal(expectStatus(404, answer).code, 'not_found');
  }
});
