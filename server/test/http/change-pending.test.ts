import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { PosthornError } from '../../src/core/errors.ts';
import {
  type DeliveryBody,
  expectStatus,
  type ListBody,
  type ProblemBody,
  type WebhookBody,
} from '../support/api.ts';
import type { ApiAnswer } from '../support/start-test-server.ts';
import { type ApiOverStore, startApiOverStore } from './support/api-over-store.ts';

const WEBHOOK = { url: 'https://example.com/webhooks', events: ['user.created'] };

interface World extends ApiOverStore {
  webhookId: string;
  deliveryId: string;
}

interface Call {
  what: string;
  method: string;
  path: (world: World) => string;
  body?: object;
  asks: (world: World) => string;
}

const ofWebhook = (world: World) => `/v1/webhooks/${world.webhookId}`;
const webhookChanged = (world: World) => `webhookChanged ${world.webhookId}`;
const ROTATE: Call = {
  what: 'a rotation',
  method: 'POST',
  path: (world) => `${ofWebhook(world)}/secret/rotate`,
  body: {},
  asks: webhookChanged,
};
const CANCEL: Call = {
  what: 'a cancellation',
  method: 'POST',
  path: (world) => `/v1/deliveries/${world.deliveryId}/cancel`,
  asks: (world) => `deliveryCancelled ${world.deliveryId}`,
};
const CALLS: readonly Call[] = [
  patch('a pause', { status: 'paused' }),
  patch('a new URL', { url: 'https://example.com/other' }),
  patch('a new secret', { secret: 'another_webhook_secret_1234' }),
  patch('a setting', { ordering: 'strict' }),
  {
    what: 'a deletion',
    method: 'DELETE',
    path: ofWebhook,
    asks: webhookChanged,
  },
  ROTATE,
  CANCEL,
];

for (const call of CALLS) {
  describe(call.what, () => {
    test('is answered when whoever sends has acknowledged it', async (t) => {
      const world = await open(t);
      const answer = await send(world, call);
      assert.ok(answer.status < 300, answer.text);
      assert.deepEqual(world.owner.asked, [call.asks(world)]);
      assert.equal(world.clock.timers, 0, 'nothing waits any more');
    });

    test('is answered with 503 change_pending when nobody does so for two seconds', async (t) => {
      const world = await open(t);
      expectPending(await sendInVain(world, call));
    });

    test('waits for two seconds, and not less', async (t) => {
      const world = await open(t);
      world.owner.answers = 'never';
      const asked = world.owner.next();
      const answer = send(world, call);
      await asked;
      await world.clock.advance(1_999);
      assert.equal(world.clock.timers, 1);
      await world.clock.advance(1);
      expectPending(await answer);
    });

    test('is change_pending when whoever sends cannot read the store', async (t) => {
      const world = await open(t);
      world.owner.answers = new PosthornError('store_unavailable', 'The disk is full.');
      expectPending(await send(world, call));
    });
  });
}

test('a change that is pending is stored', async (t) => {
  const world = await open(t);
  await sendInVain(world, patch('', { status: 'paused', ordering: 'strict' }));
  const read = await world.request<WebhookBody>('GET', ofWebhook(world));
  const { status, ordering } = expectStatus(200, read);
  assert.deepEqual([status, ordering], ['paused', 'strict']);
});

test('the same change again waits again, and is answered', async (t) => {
  const world = await open(t);
  const pause = patch('', { status: 'paused' });
  await sendInVain(world, pause);
  expectPending(await sendInVain(world, pause));
  world.owner.answers = 'at once';
  expectStatus(200, await send(world, pause));
});

test('the same rotation again, with its key, waits again and gets the first secret', async (t) => {
  const world = await open(t);
  await sendInVain(world, ROTATE, 'r-1');
  const stored = await world.request<WebhookBody>('GET', ofWebhook(world));
  expectPending(await sendInVain(world, ROTATE, 'r-1'));
  world.owner.answers = 'at once';
  const answer = await send<WebhookBody>(world, ROTATE, 'r-1');
  const { secret = '', standard_secret, ...webhook } = expectStatus(200, answer);
  assert.deepEqual(webhook, stored.body);
  assert.equal(secret.slice(-4), webhook.secret_hint);
  assert.equal(answer.headers.get('Idempotent-Replayed'), 'true');
  assert.deepEqual(world.owner.asked, Array(3).fill(webhookChanged(world)));
});

test('the same cancellation again, with its key, waits again and gets its answer', async (t) => {
  const world = await open(t);
  await sendInVain(world, CANCEL, 'c-1');
  expectPending(await sendInVain(world, CANCEL, 'c-1'));
  world.owner.answers = 'at once';
  const cancelled = expectStatus(200, await send<DeliveryBody>(world, CANCEL, 'c-1'));
  assert.deepEqual([cancelled.id, cancelled.status], [world.deliveryId, 'cancelled']);
  assert.equal(world.owner.asked.length, 3);
});

test('a key that was used for another call asks nobody', async (t) => {
  const world = await open(t);
  expectStatus(200, await send(world, ROTATE, 'r-1'));
  const other = { ...ROTATE, body: { overlap: '1h' } };
  expectStatus(422, await send(world, other, 'r-1'));
  assert.equal(world.owner.asked.length, 1);
});

test('what is refused or not there asks nobody', async (t) => {
  const world = await open(t);
  expectStatus(422, await send(world, patch('', { url: 'ftp://example.com' })));
  expectStatus(404, await world.request('DELETE', `${ofWebhook(world).slice(0, -4)}0000`));
  assert.deepEqual(world.owner.asked, []);
});

test('a defect behind it is not taken for a change that is pending', async (t) => {
  const world = await open(t);
  world.owner.answers = new Error('a defect');
  expectStatus(500, await send(world, patch('', { status: 'paused' })));
});

/** With one webhook that has a pending delivery. */
async function open(t: TestContext): Promise<World> {
  const api = await startApiOverStore(t);
  const { id: webhookId } = expectStatus(201, await api.request('POST', '/v1/webhooks', WEBHOOK));
  const event = { type: 'user.created', data: {} };
  expectStatus(202, await api.request('POST', '/v1/events', event));
  const list = await api.request<ListBody<DeliveryBody>>('GET', '/v1/deliveries');
  const deliveryId = expectStatus(200, list).data[0]?.id ?? '';
  return Object.assign(api, { webhookId: String(webhookId), deliveryId });
}

function patch(what: string, body: object): Call {
  return { what, method: 'PATCH', path: ofWebhook, body, asks: webhookChanged };
}

function send<Body = Record<string, unknown>>(
  world: World,
  { method, path, body }: Call,
  key?: string,
): Promise<ApiAnswer<Body>> {
  const headers: Record<string, string> = key === undefined ? {} : { 'Idempotency-Key': key };
  return world.request<Body>(method, path(world), body, headers);
}

/** Nobody acknowledges it, and two seconds pass. */
async function sendInVain(world: World, call: Call, key?: string) {
  world.owner.answers = 'never';
  const asked = world.owner.next();
  const answer = send(world, call, key);
  await asked;
  await world.clock.advance(2_000);
  return answer;
}

function expectPending(answer: ApiAnswer<unknown>): void {
  const { code } = expectStatus(503, answer as ApiAnswer<ProblemBody>);
  assert.equal(code, 'change_pending');
  assert.equal(answer.headers.get('Retry-After'), '1');
}
