// The receiver library behind the real server: its answers mean to the sender what they should.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { createReceiver, type Secrets } from '@posthorn/receiver';
import { nodeHandler } from '@posthorn/receiver/node';
import {
  createWebhook,
  type DeliveryBody,
  endedDelivery,
  expectStatus,
  getDelivery,
  listDeliveries,
  publish,
  type WebhookBody,
} from '../support/api.ts';
import type { Cleanup } from '../support/cleanup.ts';
import { startTestServer } from '../support/start-test-server.ts';
import { until } from '../support/until.ts';

const SECRET = 'your_webhook_secret';
const server = await startTestServer({ after }, { retryScheduleMs: [0, 0, 0] });

test('an event whose handler failed comes again and is handled', async (t) => {
  let tries = 0;
  const { url, handled } = await startReceiver(t, {
    handle() {
      tries++;
      if (tries === 1) throw new Error('not yet');
    },
  });
  const { id } = await createWebhook(server, { url, secret: SECRET });
  const event = await publish(server);
  const delivery = await endedDelivery(server, id);
  const codes = delivery.attempts.map(({ response_code: code }) => code).toSorted();
  assert.deepEqual([delivery.status, codes], ['delivered', [200, 500]]);
  assert.deepEqual(handled, [event.id]);
  await remove(id);
});

test('an event that is delivered again is answered 200 and handled once', async (t) => {
  const { url, handled } = await startReceiver(t, {});
  const { id } = await createWebhook(server, { url, secret: SECRET });
  const event = await publish(server);
  const { id: deliveryId } = await endedDelivery(server, id);
  const path = `/v1/deliveries/${deliveryId}/redeliver`;
  const again = expectStatus(202, await server.request<DeliveryBody>('POST', path));
  await allEnded(id, 2);
  const { status, attempts } = await getDelivery(server, again.id);
  assert.deepEqual([status, attempts[0]?.response_body], ['delivered', 'OK, already handled']);
  assert.deepEqual(handled, [event.id]);
  await remove(id);
});

for (const legacy of [false, true]) {
  const by = legacy ? 'the legacy signature alone' : 'Standard Webhooks';
  test(`no event is refused while the secret is rotated, by ${by}`, async (t) => {
    let secrets: Secrets = SECRET;
    const { url, handled } = await startReceiver(t, { secrets: () => secrets, legacy });
    const { id } = await createWebhook(server, { url, secret: SECRET });
    const events = [await publish(server)];
    await endedDelivery(server, id);
    const rotated = await server.request<WebhookBody>('POST', `/v1/webhooks/${id}/secret/rotate`);
    const { secret = '' } = expectStatus(200, rotated);
    events.push(await publish(server));
    await allEnded(id, 2);
    secrets = secret;
    events.push(await publish(server));
    const statuses = await allEnded(id, 3);
    assert.deepEqual(statuses, ['delivered', 'delivered', 'delivered']);
    assert.deepEqual(
      handled,
      events.map((event) => event.id),
    );
    await remove(id);
  });
}

test('data that does not fit its schema is a failed attempt with the reason in the log', async (t) => {
  const { url } = await startReceiver(t, {});
  const { id } = await createWebhook(server, { url, secret: SECRET });
  await publish(server, { id: 1 }, 'user.deleted');
  const { status, attempts } = await endedDelivery(server, id);
  assert.equal(status, 'failed');
  assert.deepEqual(
    [attempts[0]?.response_code, attempts[0]?.response_body],
    [422, 'The data of user.deleted does not fit its schema (1): data.id: must be text'],
  );
  await remove(id);
});

interface Options {
  handle?: () => void;
  secrets?: () => Secrets;
  /** The receiver then knows nothing of the headers of Standard Webhooks. */
  legacy?: boolean;
}

async function startReceiver(
  cleanup: Cleanup,
  { handle, secrets = () => SECRET, legacy = false }: Options,
): Promise<{ url: string; handled: string[] }> {
  const handled: string[] = [];
  const receiver = createReceiver<Record<string, { id?: unknown }>>({
    secrets,
    legacy,
    schemas: {
      'user.deleted': {
        '~standard': {
          version: 1,
          vendor: 'test',
          validate: (value) => {
            const data = value as { id?: unknown };
            if (typeof data.id === 'string') return { value: data };
            return { issues: [{ message: 'must be text', path: ['id'] }] };
          },
        },
      },
    },
  });
  receiver.onError(() => {});
  receiver.on('*', ({ id }) => {
    handle?.();
    handled.push(id);
  });
  const receive = nodeHandler(receiver);
  const listener = createServer((request, response) => {
    if (legacy) {
      for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
        delete request.headers[name];
      }
    }
    receive(request, response);
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  cleanup.after(() => {
    listener.close();
    listener.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/`, handled };
}

/** The statuses of a webhook's deliveries, as soon as there are so many and all have ended. */
async function allEnded(webhookId: string, count: number): Promise<string[]> {
  const deliveries = await until(`${count} deliveries have ended`, async () => {
    const listed = await listDeliveries(server, webhookId);
    const pending = listed.some(({ status }) => status === 'pending');
    return listed.length === count && !pending && listed;
  });
  return deliveries.map(({ status }) => status);
}

async function remove(id: string): Promise<void> {
  expectStatus(204, await server.request('DELETE', `/v1/webhooks/${id}`));
}
