import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  expectStatus,
  type ProblemBody,
  type RecoveryBody,
  type WebhookBody,
} from '../support/api.ts';
import { startApiOverStore } from './support/api-over-store.ts';

const WEBHOOK = { url: 'https://example.com/webhooks', events: ['user.created'] };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const api = await startApiOverStore({ after });

test('a recovery is answered at once, and read as it was answered', async () => {
  const id = await create();
  const since = ago(HOUR_MS);
  const recovery = expectStatus(202, await recover(id, { since }));
  assert.match(recovery.id, /^rec_[A-Za-z0-9]+$/);
  assert.deepEqual(recovery, {
    id: recovery.id,
    status: 'running',
    webhook_id: id,
    since,
    until: ago(0),
    deliveries: 0,
    created_at: `${ago(0).slice(0, 19)}Z`,
    ended_at: null,
  });
  const read = await api.request<RecoveryBody>('GET', `/v1/recoveries/${recovery.id}`);
  assert.deepEqual(expectStatus(200, read), recovery);
});

test('whoever sends is told that it begins', async () => {
  const { id } = expectStatus(202, await recover(await create(), { since: ago(HOUR_MS) }));
  assert.equal(api.owner.asked.at(-1), `recoveryCreated ${id}`);
});

test('an end in the past is kept, one in the future is now', async () => {
  const since = ago(2 * HOUR_MS);
  const past = await recover(await create(), { since, until: ago(HOUR_MS) });
  assert.equal(expectStatus(202, past).until, ago(HOUR_MS));
  const future = await recover(await create(), { since, until: ago(-HOUR_MS) });
  assert.equal(expectStatus(202, future).until, ago(0));
});

test('a time in another zone is the same moment', async () => {
  const answer = await recover(await create(), { since: '2023-12-01T10:00:00+01:00' });
  assert.equal(expectStatus(202, answer).since, '2023-12-01T09:00:00.000Z');
});

test('90 days back is the furthest', async () => {
  const id = await create();
  const refused = await recover<ProblemBody>(id, { since: ago(90 * DAY_MS + 1) });
  assert.equal(expectStatus(422, refused).errors?.[0]?.pointer, '/since');
  expectStatus(202, await recover(id, { since: ago(90 * DAY_MS) }));
});

test('a second one of the same webhook is refused while the first runs', async () => {
  const id = await create();
  expectStatus(202, await recover(id, { since: ago(HOUR_MS) }));
  const refused = await recover<ProblemBody>(id, { since: ago(HOUR_MS) });
  assert.equal(expectStatus(409, refused).code, 'recovery_running');
  expectStatus(202, await recover(await create(), { since: ago(HOUR_MS) }));
});

test('a disabled webhook recovers nothing, a paused one does', async () => {
  const id = await create();
  const path = `/v1/webhooks/${id}`;
  expectStatus(200, await api.request('PATCH', path, { status: 'disabled' }));
  const refused = await recover<ProblemBody>(id, { since: ago(HOUR_MS) });
  assert.equal(expectStatus(409, refused).code, 'webhook_disabled');
  expectStatus(200, await api.request('PATCH', path, { status: 'paused' }));
  expectStatus(202, await recover(id, { since: ago(HOUR_MS) }));
});

test('a deleted webhook recovers nothing', async () => {
  const id = await create();
  expectStatus(204, await api.request('DELETE', `/v1/webhooks/${id}`));
  expectStatus(404, await recover(id, { since: ago(HOUR_MS) }));
});

test('a recovery that is repeated with its key is answered as before, and begins once', async () => {
  const id = await create();
  const body = { since: ago(HOUR_MS) };
  const first = await recover(id, body, 'rec-1');
  const again = await recover(id, body, 'rec-1');
  assert.deepEqual([first.status, again.status, again.text], [202, 202, first.text]);
  assert.equal(again.headers.get('Idempotent-Replayed'), 'true');
});

test('a refused recovery leaves its key free', async () => {
  const id = await create();
  expectStatus(422, await recover(id, { since: ago(-1) }, 'rec-2'));
  expectStatus(202, await recover(id, { since: ago(1) }, 'rec-2'));
});

test('one that its owner does not hear of now is stored, and answered all the same', async (t) => {
  const own = await startApiOverStore(t);
  const created = await own.request<WebhookBody>('POST', '/v1/webhooks', WEBHOOK);
  own.owner.answers = 'never';
  const path = `/v1/webhooks/${created.body.id}/recover`;
  const since = new Date(own.clock.now() - HOUR_MS).toISOString();
  const asked = own.owner.next();
  const answer = own.request<RecoveryBody>('POST', path, { since });
  await asked;
  await own.clock.advance(2_000);
  const { id } = expectStatus(202, await answer);
  expectStatus(200, await own.request('GET', `/v1/recoveries/${id}`));
});

async function create(): Promise<string> {
  const answer = await api.request<WebhookBody>('POST', '/v1/webhooks', WEBHOOK);
  return expectStatus(201, answer).id;
}

function recover<Body = RecoveryBody>(webhookId: string, body: object, key?: string) {
  const headers: Record<string, string> = key === undefined ? {} : { 'Idempotency-Key': key };
  return api.request<Body>('POST', `/v1/webhooks/${webhookId}/recover`, body, headers);
}

function ago(ms: number): string {
  return new Date(api.clock.now() - ms).toISOString();
}
