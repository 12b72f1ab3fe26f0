import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { standardSpelling } from '@posthorn/receiver/sender';
import { expectStatus, type ProblemBody, type WebhookBody } from '../support/api.ts';
import { startApiOverStore } from './support/api-over-store.ts';

const WEBHOOK = { url: 'https://example.com/webhooks', events: ['user.created'] };
const DAY_MS = 86_400_000;

const api = await startApiOverStore({ after });

test('a rotation without a body makes a secret and shows it, this once', async () => {
  const created = await create();
  const rotated = await rotate(created.id);
  const { secret = '', standard_secret, ...webhook } = rotated;
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  assert.equal(standard_secret, secret);
  assert.equal(webhook.secret_hint, secret.slice(-4));
  assert.notEqual(secret, created.secret);
  const read = await api.request<WebhookBody>('GET', `/v1/webhooks/${created.id}`);
  assert.deepEqual(expectStatus(200, read), webhook);
});

test('a secret that is given is taken and shown with its Standard Webhooks spelling', async () => {
  const { id } = await create();
  const { secret, standard_secret, secret_hint } = await rotate(id, {
    secret: 'another_webhook_secret_1234',
  });
  assert.equal(secret, 'another_webhook_secret_1234');
  assert.equal(standard_secret, standardSpelling('another_webhook_secret_1234'));
  assert.equal(secret_hint, '1234');
});

const overlaps: readonly [overlap: number | string | undefined, ms: number][] = [
  [undefined, DAY_MS],
  ['1h', 3_600_000],
  [90, 90_000],
  ['7d', 7 * DAY_MS],
];
for (const [overlap, ms] of overlaps) {
  test(`with an overlap of ${overlap} the secret before goes for ${ms} ms more`, async () => {
    const { id } = await create();
    const rotated = await rotate(id, { overlap });
    const until = new Date(api.clock.now() + ms).toISOString();
    assert.equal(rotated.previous_secret_until, until);
    assert.equal((await read(id)).previous_secret_until, until);
  });
}

for (const overlap of [0, '0s']) {
  test(`with an overlap of ${JSON.stringify(overlap)} there is no secret before`, async () => {
    const { id } = await create();
    await rotate(id);
    assert.equal((await rotate(id, { overlap })).previous_secret_until, null);
    assert.equal((await read(id)).previous_secret_until, null);
  });
}

test('when the overlap is over, there is no secret before any more', async () => {
  const { id } = await create();
  await rotate(id, { overlap: '1h' });
  await api.clock.advance(3_599_999);
  assert.notEqual((await read(id)).previous_secret_until, null);
  await api.clock.advance(1);
  assert.equal((await read(id)).previous_secret_until, null);
});

test('a patch with a secret is a rotation with an overlap of 24 hours, and shows no secret', async () => {
  const { id } = await create();
  const change = { secret: 'another_webhook_secret_1234' };
  const answer = await api.request<WebhookBody>('PATCH', `/v1/webhooks/${id}`, change);
  const patched = expectStatus(200, answer);
  assert.equal(patched.secret_hint, '1234');
  assert.equal(patched.previous_secret_until, new Date(api.clock.now() + DAY_MS).toISOString());
  assert.equal('secret' in patched || 'standard_secret' in patched, false);
});

test('a patch without a secret ends no overlap', async () => {
  const { id } = await create();
  const { previous_secret_until } = await rotate(id);
  const patched = await api.request<WebhookBody>('PATCH', `/v1/webhooks/${id}`, { ordering: null });
  assert.equal(expectStatus(200, patched).previous_secret_until, previous_secret_until);
});

test('a rotation changes nothing but the secret', async () => {
  const { id, ...before } = await create({ ordering: 'strict', description: 'Mine.' });
  const after = await rotate(id);
  const names = ['url', 'events', 'status', 'created_at', 'description', 'ordering'] as const;
  for (const name of names) assert.deepEqual(after[name], before[name]);
});

test('a rotation that is repeated with its key answers the same secret, and happens once', async () => {
  const { id } = await create();
  const path = `/v1/webhooks/${id}/secret/rotate`;
  const first = await api.request<WebhookBody>('POST', path, {}, { 'Idempotency-Key': 'r-1' });
  const again = await api.request<WebhookBody>('POST', path, {}, { 'Idempotency-Key': 'r-1' });
  assert.deepEqual([again.status, again.text], [200, first.text]);
  assert.equal(first.headers.get('Idempotent-Replayed'), null);
  assert.equal(again.headers.get('Idempotent-Replayed'), 'true');
  assert.equal((await read(id)).secret_hint, first.body.secret?.slice(-4));

  const other = { overlap: '1h' };
  const refused = await api.request<ProblemBody>('POST', path, other, { 'Idempotency-Key': 'r-1' });
  assert.equal(expectStatus(422, refused).code, 'idempotency_key_reused');
});

test('no body and an empty one are the same call', async () => {
  const { id } = await create();
  const path = `/v1/webhooks/${id}/secret/rotate`;
  const key = { 'Idempotency-Key': 'r-3' };
  const first = await api.request('POST', path, undefined, key);
  assert.equal((await api.request('POST', path, {}, key)).text, first.text);
});

test('without a key every rotation makes another secret', async () => {
  const { id } = await create();
  assert.notEqual((await rotate(id)).secret, (await rotate(id)).secret);
});

test('a rotation that is refused changes nothing and leaves its key free', async () => {
  const { id } = await create();
  const before = await read(id);
  const path = `/v1/webhooks/${id}/secret/rotate`;
  const key = { 'Idempotency-Key': 'r-2' };
  expectStatus(422, await api.request('POST', path, { secret: 'short' }, key));
  assert.deepEqual(await read(id), before);
  expectStatus(200, await api.request('POST', path, {}, key));
});

async function create(fields: object = {}): Promise<WebhookBody> {
  const answer = await api.request<WebhookBody>('POST', '/v1/webhooks', { ...WEBHOOK, ...fields });
  return expectStatus(201, answer);
}

async function read(id: string): Promise<WebhookBody> {
  return expectStatus(200, await api.request<WebhookBody>('GET', `/v1/webhooks/${id}`));
}

async function rotate(id: string, body?: object): Promise<WebhookBody> {
  const path = `/v1/webhooks/${id}/secret/rotate`;
  return expectStatus(200, await api.request<WebhookBody>('POST', path, body));
}
