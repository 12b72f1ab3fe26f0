import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createWebhook, expectStatus, type ListBody, type ProblemBody } from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestServer, type TestServer } from '../support/start-test-server.ts';

const server = await startTestServer({ after });
const EVENT = { type: 'user.created', data: { id: 'usr_789' } };
const WEBHOOK = { url: 'https://example.com/webhooks', events: ['user.created'] };

test('a publish that is repeated with its key is answered as before, and happens once', async (t) => {
  const own = await startTestServer(t);
  const receiver = await startReceiver(t);
  const webhook = await createWebhook(own, { url: receiver.url });
  const first = await post(own, '/v1/events', EVENT, 'publish-1');
  const again = await post(own, '/v1/events', EVENT, 'publish-1');
  expectStatus(202, first);
  expectReplay(first, again);
  const log = await own.request<ListBody<unknown>>('GET', `/v1/webhooks/${webhook.id}/deliveries`);
  assert.equal(log.body.data.length, 1);
});

test('a webhook is created once for a key, and its secret is answered again', async (t) => {
  const own = await startTestServer(t);
  const first = await post(own, '/v1/webhooks', WEBHOOK, 'create-1');
  const again = await post(own, '/v1/webhooks', WEBHOOK, 'create-1');
  assert.match(String(expectStatus(201, first).secret), /^whsec_/);
  expectReplay(first, again);
  const list = await own.request<ListBody<unknown>>('GET', '/v1/webhooks');
  assert.equal(list.body.data.length, 1);
});

test('a test call is made once for a key', async (t) => {
  const receiver = await startReceiver(t);
  const { id } = await createWebhook(server, { url: receiver.url, events: ['project.deleted'] });
  const first = await post(server, `/v1/webhooks/${id}/test`, undefined, 'test-1');
  const again = await post(server, `/v1/webhooks/${id}/test`, undefined, 'test-1');
  expectStatus(200, first);
  expectReplay(first, again);
  assert.equal(receiver.requests.length, 1);
});

test('a call without a key happens each time', async () => {
  const answers = [
    await server.request('POST', '/v1/events', EVENT),
    await server.request('POST', '/v1/events', EVENT),
  ];
  assert.equal(new Set(answers.map(({ body }) => body.id)).size, 2);
});

test('a key is the same quoted and bare', async () => {
  const first = await post(server, '/v1/events', EVENT, 'quoted-1');
  expectReplay(first, await post(server, '/v1/events', EVENT, '"quoted-1"'));
});

test('a body with other white space is the same call', async () => {
  const first = await post(server, '/v1/events', EVENT, 'spaces-1');
  const spaced = JSON.stringify(EVENT, null, 2);
  expectReplay(first, await post(server, '/v1/events', spaced, 'spaces-1'));
});

test('a key with another body is refused', async () => {
  expectStatus(202, await post(server, '/v1/events', EVENT, 'other-1'));
  const other = { ...EVENT, data: { id: 'usr_790' } };
  const answer = await post<ProblemBody>(server, '/v1/events', other, 'other-1');
  assert.equal(expectStatus(422, answer).code, 'idempotency_key_reused');
});

test('a key that was used for another path is refused', async () => {
  expectStatus(202, await post(server, '/v1/events', EVENT, 'path-1'));
  const answer = await post<ProblemBody>(server, '/v1/webhooks', WEBHOOK, 'path-1');
  assert.equal(expectStatus(422, answer).code, 'idempotency_key_reused');
});

test('a call that was refused leaves its key free', async () => {
  const unknown = { ...EVENT, type: 'user.creatd' };
  expectStatus(422, await post(server, '/v1/events', unknown, 'free-1'));
  expectStatus(202, await post(server, '/v1/events', EVENT, 'free-1'));
});

test('calls with one key at the same time happen once', async () => {
  const calls = Array.from({ length: 8 }, () => post(server, '/v1/events', EVENT, 'race-1'));
  const answers = await Promise.all(calls);
  assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1);
  assert.equal(answers.filter(({ headers }) => !headers.has('Idempotent-Replayed')).length, 1);
});

for (const [what, key] of [
  ['is empty', ''],
  ['is empty in quotes', '""'],
  ['has a space', 'a b'],
  ['has 256 characters', 'x'.repeat(256)],
] as const) {
  test(`a key that ${what} is refused`, async () => {
    const answer = await post<ProblemBody>(server, '/v1/events', EVENT, key);
    assert.equal(expectStatus(400, answer).code, 'invalid_idempotency_key');
  });
}

function post<Body = Record<string, unknown>>(
  to: TestServer,
  path: string,
  body: unknown,
  key: string,
) {
  return to.request<Body>('POST', path, body, { 'Idempotency-Key': key });
}

interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

function expectReplay(first: Answer, again: Answer): void {
  assert.deepEqual([again.status, again.text], [first.status, first.text]);
  assert.equal(first.headers.get('Idempotent-Replayed'), null);
  assert.equal(again.headers.get('Idempotent-Replayed'), 'true');
}
