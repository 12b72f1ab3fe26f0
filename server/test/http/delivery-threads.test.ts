import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createWebhook,
  type DeliveryBody,
  expectStatus,
  type ListBody,
  listDeliveries,
  publish,
} from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestServer } from '../support/start-test-server.ts';
import { until } from '../support/until.ts';

const WEBHOOKS = 12;

test('several delivery threads share the webhooks: each gets everything exactly once', async (t) => {
  const server = await startTestServer(t, { environment: { POSTHORN_DELIVERY_THREADS: '3' } });
  const receiver = await startReceiver(t);
  const webhooks = await Promise.all(
    Array.from({ length: WEBHOOKS }, () => createWebhook(server, { url: receiver.url })),
  );
  const events = [await publish(server), await publish(server), await publish(server)];
  await receiver.received(WEBHOOKS * events.length);

  for (const { id } of webhooks) {
    await until('all are delivered', async () => {
      const deliveries = await listDeliveries(server, id);
      return deliveries.length === events.length && deliveries.every(isDelivered);
    });
    const got = (await listDeliveries(server, id)).map(({ event_id }) => event_id);
    assert.deepEqual(got.sort(), events.map(({ id }) => id).sort());
  }
});

test('calls about a webhook reach the delivery thread that has it', async (t) => {
  const server = await startTestServer(t, { environment: { POSTHORN_DELIVERY_THREADS: '3' } });
  const receiver = await startReceiver(t);
  for (let made = 0; made < WEBHOOKS; made++) {
    const { id } = await createWebhook(server, { url: receiver.url });
    const test = await server.request('POST', `/v1/webhooks/${id}/test`);
    assert.equal(expectStatus(200, test).status, 'delivered');
    const path = `/v1/webhooks/${id}`;
    expectStatus(200, await server.request('PATCH', path, { status: 'paused' }));
  }
  await publish(server);
  const pending = await server.request<ListBody<DeliveryBody>>(
    'GET',
    '/v1/deliveries?status=pending&limit=100',
  );
  assert.equal(expectStatus(200, pending).data.length, WEBHOOKS);
});

function isDelivered({ status }: DeliveryBody): boolean {
  return status === 'delivered';
}
