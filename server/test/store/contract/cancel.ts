import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { attemptOf, BEGIN, openWorld, resultOf, settlementOf } from './fixtures.ts';
import { freshOf, retriesOf } from './pending-deliveries.ts';
import type { StoreUnderTest } from './store-under-test.ts';

export function cancelContract(under: StoreUnderTest): void {
  describe('cancel', () => {
    test('what is pending for a webhook is cancelled, with the reason', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const webhook = await mine.webhook();
      const { id, accountId, webhookId } = await mine.pending(webhook);
      await store.disableWebhook({ accountId, webhookId }, 'owner', BEGIN);
      assert.equal(await store.cancelPending({ accountId, webhookId }, 'webhook_deleted', 10), 1);
      const { status, cancelReason, dueAt } = await mine.delivery(id);
      assert.deepEqual([status, cancelReason, dueAt], ['cancelled', 'webhook_deleted', null]);
      assert.deepEqual((await mine.due(webhook)).deliveries, []);
      assert.equal(await store.cancelPending({ accountId, webhookId }, 'again', 10), 0);
    });

    test('one call cancels at most as many as it was asked to', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const webhook = await mine.webhook();
      const ref = { accountId: mine.id, webhookId: webhook.id };
      await mine.publish({}, {}, {}, {}, {});
      await store.disableWebhook(ref, 'owner', BEGIN);
      const counts: number[] = [];
      for (let call = 0; call < 4; call++) counts.push(await store.cancelPending(ref, 'x', 2));
      assert.deepEqual(counts, [2, 2, 1, 0]);
    });

    test('what was tried and what was not are both cancelled, together at most as many', async (t) => {
      const world = await openWorld(t, under);
      const webhook = await world.mine.webhook();
      const ref = { accountId: world.mine.id, webhookId: webhook.id };
      await retriesOf(world, webhook, [10, 20]);
      await freshOf(world, webhook, 3);
      await world.store.disableWebhook(ref, 'owner', BEGIN);
      const counts: number[] = [];
      for (let call = 0; call < 4; call++) {
        counts.push(await world.store.cancelPending(ref, 'x', 2));
      }
      assert.deepEqual(counts, [2, 2, 1, 0]);
    });

    test('what has ended stays as it is', async (t) => {
      const { store, mine, newId } = await openWorld(t, under);
      const delivery = await mine.pending(await mine.webhook());
      await store.settle([settlementOf(delivery, attemptOf(newId('attempt')))]);
      const before = await mine.delivery(delivery.id);
      const { accountId, webhookId } = delivery;
      await store.disableWebhook({ accountId, webhookId }, 'owner', BEGIN);
      assert.equal(await store.cancelPending({ accountId, webhookId }, 'x', 10), 0);
      assert.deepEqual(await mine.delivery(delivery.id), before);
    });

    test('other webhooks and other accounts keep what is pending', async (t) => {
      const { store, mine, theirs } = await openWorld(t, under);
      const [webhook, other] = [await mine.webhook(), await mine.webhook()];
      const twin = await theirs.webhook({ id: webhook.id });
      await mine.publish({});
      await theirs.publish({});
      const ref = { accountId: mine.id, webhookId: webhook.id };
      await store.disableWebhook(ref, 'owner', BEGIN);
      assert.equal(await store.cancelPending(ref, 'x', 10), 1);
      assert.equal((await mine.due(other)).deliveries.length, 1);
      assert.equal((await theirs.due(twin)).deliveries.length, 1);
      const foreign = { accountId: theirs.id, webhookId: other.id };
      assert.equal(await store.cancelPending(foreign, 'x', 10), 0);
      assert.equal((await mine.due(other)).deliveries.length, 1);
    });

    test('nothing is cancelled of a webhook that is enabled again', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const { id, accountId, webhookId } = await mine.pending(await mine.webhook());
      assert.equal(await store.cancelPending({ accountId, webhookId }, 'x', 10), 0);
      assert.equal((await mine.delivery(id)).status, 'pending');
    });
  });

  describe('cancel one delivery', () => {
    for (const kind of ['never tried', 'to be tried again'] as const) {
      test(`one that is ${kind} ends as cancelled, and the others stay`, async (t) => {
        const world = await openWorld(t, under);
        const webhook = await world.mine.webhook();
        const [delivery, other] =
          kind === 'never tried'
            ? await freshOf(world, webhook, 2)
            : await retriesOf(world, webhook, [10, 20]);
        assert.ok(delivery);
        const before = await world.mine.delivery(delivery.id);
        const { accountId, id: deliveryId } = delivery;
        const said = await world.store.cancelDelivery({ accountId, deliveryId, reason: 'owner' });
        const wanted = { ...before, status: 'cancelled', dueAt: null, cancelReason: 'owner' };
        assert.deepEqual(said, { result: wanted });
        assert.deepEqual(await world.mine.delivery(delivery.id), wanted);
        assert.deepEqual((await world.mine.due(webhook)).deliveries, [other]);
      });
    }

    test('one that has ended, or that the account does not have, is not cancelled', async (t) => {
      const { store, mine, theirs, newId } = await openWorld(t, under);
      const delivery = await mine.pending(await mine.webhook());
      const cancel = async (accountId: string, deliveryId: string) =>
        resultOf(await store.cancelDelivery({ accountId, deliveryId, reason: 'owner' }));
      assert.equal(await cancel(theirs.id, delivery.id), 'missing');
      assert.equal(await cancel(mine.id, newId('delivery')), 'missing');
      assert.equal((await mine.delivery(delivery.id)).status, 'pending');
      await store.settle([settlementOf(delivery, attemptOf(newId('attempt')))]);
      assert.equal(await cancel(mine.id, delivery.id), 'ended');
      assert.equal((await mine.delivery(delivery.id)).status, 'delivered');
    });

    test('the same idempotency key cancels once, and is told so', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const webhook = await mine.webhook();
      const [first, second] = [await mine.pending(webhook), await mine.pending(webhook)];
      const once = {
        key: 'key-1',
        fingerprint: 'digest',
        status: 200,
        body: '{}',
        sealed: false,
        createdAt: BEGIN,
        expiresAt: BEGIN + 1_000,
      };
      const cancel = (deliveryId: string) =>
        store.cancelDelivery({ accountId: mine.id, deliveryId, reason: 'owner', once });
      assert.ok('result' in (await cancel(first.id)));
      assert.ok('earlier' in (await cancel(second.id)));
      assert.equal((await mine.delivery(second.id)).status, 'pending');
    });
  });
}
