import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  type DeliveryBody,
  type DeliveryWithAttempts,
  expectStatus,
  type ListBody,
  type ProblemBody,
  type WebhookBody,
} from '../support/api.ts';
import { startApiOverStore } from './support/api-over-store.ts';

const WEBHOOK = { url: 'https://example.com/webhooks', events: ['user.created'] };

const api = await startApiOverStore({ after });

test('a pending delivery is cancelled, and says that it was by a call', async () => {
  const pending = await pendingDelivery();
  const cancelled = expectStatus(200, await cancel(pending.id));
  assert.deepEqual(cancelled, {
    ...pending,
    status: 'cancelled',
    next_attempt_at: null,
    cancel_reason: 'requested',
  });
  const read = await api.request<DeliveryWithAttempts>('GET', `/v1/deliveries/${pending.id}`);
  assert.deepEqual(expectStatus(200, read), { ...cancelled, attempts: [] });
});

test('whoever sends is asked before a cancellation is answered', async () => {
  const { id } = await pendingDelivery();
  expectStatus(200, await cancel(id));
  assert.equal(api.owner.asked.at(-1), `deliveryCancelled ${id}`);
});

test('a delivery that has ended is not cancelled', async () => {
  const { id } = await pendingDelivery();
  expectStatus(200, await cancel(id));
  const answer = await cancel<ProblemBody>(id);
  assert.equal(expectStatus(409, answer).code, 'delivery_ended');
});

test('a cancellation that is repeated with its key is answered as before', async () => {
  const { id } = await pendingDelivery();
  const first = await cancel(id, 'c-1');
  const again = await cancel(id, 'c-1');
  assert.deepEqual([first.status, again.status, again.text], [200, 200, first.text]);
  assert.equal(again.headers.get('Idempotent-Replayed'), 'true');
});

test('a cancellation touches no other delivery', async () => {
  const [one, other] = [await pendingDelivery(), await pendingDelivery()];
  expectStatus(200, await cancel(one.id));
  const read = await api.request<DeliveryBody>('GET', `/v1/deliveries/${other.id}`);
  assert.equal(expectStatus(200, read).status, 'pending');
});

async function pendingDelivery(): Promise<DeliveryBody> {
  const created = await api.request<WebhookBody>('POST', '/v1/webhooks', WEBHOOK);
  const { id } = expectStatus(201, created);
  const event = { type: 'user.created', data: {} };
  expectStatus(202, await api.request('POST', '/v1/events', event));
  const list = await api.request<ListBody<DeliveryBody>>('GET', `/v1/webhooks/${id}/deliveries`);
  const [delivery] = expectStatus(200, list).data;
  assert.ok(delivery !== undefined);
  assert.equal(delivery.status, 'pending');
  return delivery;
}

function cancel<Body = DeliveryBody>(id: string, key?: string) {
  const headers: Record<string, string> = key === undefined ? {} : { 'Idempotency-Key': key };
  return api.request<Body>('POST', `/v1/deliveries/${id}/cancel`, undefined, headers);
}
