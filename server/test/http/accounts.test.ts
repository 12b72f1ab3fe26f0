import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  type DeliveryBody,
  expectStatus,
  type ListBody,
  type ProblemBody,
  type RecoveryBody,
  type WebhookBody,
} from '../support/api.ts';
import { KEYS, startApiOverStore } from './support/api-over-store.ts';

const api = await startApiOverStore({ after });
const SINCE = { since: new Date(api.clock.now() - 60_000).toISOString() };
const webhook = await mine<WebhookBody>('POST', '/v1/webhooks', {
  url: 'https://example.com/webhooks',
  events: ['user.created'],
});
const event = await mine<{ id: string }>('POST', '/v1/events', { type: 'user.created', data: {} });
const deliveries = await mine<ListBody<DeliveryBody>>('GET', '/v1/deliveries');
const recovery = await mine<RecoveryBody>('POST', `/v1/webhooks/${webhook.id}/recover`, SINCE);
const ofWebhook = `/v1/webhooks/${webhook.id}`;
const ofDelivery = `/v1/deliveries/${deliveries.data[0]?.id}`;

const calls: readonly [method: string, path: string, body?: object][] = [
  ['GET', ofWebhook],
  ['PATCH', ofWebhook, { status: 'disabled' }],
  ['DELETE', ofWebhook],
  ['POST', `${ofWebhook}/test`],
  ['GET', `${ofWebhook}/deliveries`],
  ['GET', `${ofWebhook}/stats`],
  ['POST', `${ofWebhook}/secret/rotate`],
  ['POST', `${ofWebhook}/recover`, SINCE],
  ['GET', `/v1/recoveries/${recovery.id}`],
  ['GET', `/v1/events/${event.id}`],
  ['GET', `/v1/events/${event.id}/deliveries`],
  ['GET', ofDelivery],
  ['POST', `${ofDelivery}/redeliver`],
  ['POST', `${ofDelivery}/cancel`],
];
for (const [method, path, body] of calls) {
  const pattern = path.replace(/_[A-Za-z0-9]+/g, '_…');
  test(`${method} ${pattern} of another account is answered like what does not exist`, async () => {
    const headers = { Authorization: `Bearer ${KEYS.second}` };
    const answer = await api.request<ProblemBody>(method, path, body, headers);
    assert.equal(expectStatus(404, answer).code, 'not_found');
  });
}

test('and nothing of it happens', async () => {
  assert.equal((await mine<WebhookBody>('GET', ofWebhook)).status, 'active');
  assert.equal((await mine<WebhookBody>('GET', ofWebhook)).previous_secret_until, null);
  assert.equal((await mine<DeliveryBody>('GET', ofDelivery)).status, 'pending');
  const all = await mine<ListBody<DeliveryBody>>('GET', '/v1/deliveries');
  assert.equal(all.data.length, 1);
});

async function mine<Body>(method: string, path: string, body?: object): Promise<Body> {
  const answer = await api.request<Body>(method, path, body);
  assert.ok(answer.status < 300, answer.text);
  return answer.body;
}
