import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { expectStatus, type ListBody, type WebhookBody } from '../support/api.ts';
import { startApiOverStore } from './support/api-over-store.ts';

const WEBHOOK = { url: 'https://example.com/webhooks', events: ['user.created'] };
const DEFAULTS = {
  ordering: 'none',
  rate_limit: null,
  concurrency_max: null,
  retry_schedule: null,
  on_gone: null,
};
const GIVEN = {
  ordering: 'strict',
  rate_limit: { max: 100, per: '1m' },
  concurrency_max: 4,
  retry_schedule: ['0s', '1m', '10m', '30d'],
  on_gone: 'disable',
};

const api = await startApiOverStore({ after });

test('a webhook that names no settings has the defaults', async () => {
  const webhook = await create();
  assert.deepEqual(settingsOf(webhook), DEFAULTS);
  assert.deepEqual([webhook.held_until, webhook.previous_secret_until], [null, null]);
});

test('settings are shown as they were given: when created, read, listed and patched', async () => {
  const created = await create(GIVEN);
  const list = await api.request<ListBody<WebhookBody>>('GET', '/v1/webhooks');
  const shown = [
    created,
    await read(created.id),
    expectStatus(200, list).data[0] ?? created,
    await patch(created.id, {}),
  ];
  for (const webhook of shown) {
    assert.equal(webhook.id, created.id);
    assert.deepEqual(settingsOf(webhook), GIVEN);
  }
});

test('the documented members come first', async () => {
  const names = Object.keys(await create(GIVEN));
  assert.deepEqual(names.slice(0, 5), ['id', 'url', 'events', 'status', 'created_at']);
});

const changes: readonly [given: object, shown: object][] = [
  [{ ordering: 'strict' }, { ordering: 'strict' }],
  [{ rate_limit: { max: 1, per: 1 } }, { rate_limit: { max: 1, per: '1s' } }],
  [{ rate_limit: { max: 1, per: '60s' } }, { rate_limit: { max: 1, per: '1m' } }],
  [{ rate_limit: { max: 10_000, per: 3_600 } }, { rate_limit: { max: 10_000, per: '1h' } }],
  [{ rate_limit: { max: 5, per: '1500ms' } }, { rate_limit: { max: 5, per: '1500ms' } }],
  [{ concurrency_max: 1 }, { concurrency_max: 1 }],
  [{ concurrency_max: 1_024 }, { concurrency_max: 1_024 }],
  [{ retry_schedule: [5] }, { retry_schedule: ['5s'] }],
  [{ retry_schedule: [0, 60, '2h'] }, { retry_schedule: ['0s', '1m', '2h'] }],
  [{ retry_schedule: Array(20).fill(0) }, { retry_schedule: Array(20).fill('0s') }],
  [{ on_gone: 'retry' }, { on_gone: 'retry' }],
];
for (const [given, shown] of changes) {
  test(`a patch with ${JSON.stringify(given)} changes that setting and no other`, async () => {
    const { id } = await create();
    const before = await read(id);
    const patched = await patch(id, given);
    assert.deepEqual(patched, { ...before, ...shown, updated_at: patched.updated_at });
    assert.deepEqual(await read(id), patched);
  });
}

for (const name of Object.keys(DEFAULTS)) {
  test(`a patch with null sets ${name} back to its default, and no other`, async () => {
    const { id } = await create(GIVEN);
    const patched = await patch(id, { [name]: null });
    assert.deepEqual(settingsOf(patched), { ...GIVEN, ...only(DEFAULTS, name) });
  });
}

test('null at creation is the default, too', async () => {
  const nothing = Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, null]));
  assert.deepEqual(settingsOf(await create(nothing)), DEFAULTS);
});

test('a hold is shown until it is over', async () => {
  const { id } = await create();
  const until = api.clock.now() + 60_000;
  await api.store.holdWebhook(refOf(id), until);
  assert.equal((await read(id)).held_until, new Date(until).toISOString());
  await api.clock.advance(60_000);
  assert.equal((await read(id)).held_until, null);
});

for (const reason of ['failing', 'gone', 'backlog_full'] as const) {
  test(`a webhook that was disabled as ${reason} says so until it is active again`, async () => {
    const { id } = await create();
    await api.store.disableWebhook(refOf(id), reason, api.clock.now());
    const { status, disabled_reason } = await read(id);
    assert.deepEqual([status, disabled_reason], ['disabled', reason]);
    const active = await patch(id, { status: 'active' });
    assert.deepEqual([active.status, active.disabled_reason], ['active', null]);
  });
}

async function create(fields: object = {}): Promise<WebhookBody> {
  const answer = await api.request<WebhookBody>('POST', '/v1/webhooks', { ...WEBHOOK, ...fields });
  return expectStatus(201, answer);
}

async function read(id: string): Promise<WebhookBody> {
  return expectStatus(200, await api.request<WebhookBody>('GET', `/v1/webhooks/${id}`));
}

async function patch(id: string, change: object): Promise<WebhookBody> {
  return expectStatus(200, await api.request<WebhookBody>('PATCH', `/v1/webhooks/${id}`, change));
}

function settingsOf(webhook: WebhookBody): object {
  const { ordering, rate_limit, concurrency_max, retry_schedule, on_gone } = webhook;
  return { ordering, rate_limit, concurrency_max, retry_schedule, on_gone };
}

function only(all: object, name: string): object {
  return Object.fromEntries(Object.entries(all).filter(([other]) => other === name));
}

function refOf(webhookId: string) {
  return { accountId: api.accountId, webhookId };
}
