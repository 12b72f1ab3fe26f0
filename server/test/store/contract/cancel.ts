import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { attemptOf, openWorld, settlementOf } from './fixtures.ts';
import type { StoreUnderTest } from './store-under-test.ts';

export function cancelContract(under: StoreUnderTest): void {
  describe('cancel', () => {
    test('what is pending for a webhook is cancelled, with the reason', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const webhook = await mine.webhook();
      const { id, accountId, webhookId } = await mine.pending(webhook);
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
      const counts: number[] = [];
      for (let call = 0; call < 4; call++) counts.push(await store.cancelPending(ref, 'x', 2));
      assert.deepEqual(counts, [2, 2, 1, 0]);
    });

    test('what has ended stays as it is', async (t) => {
      const { store, mine, newId } = await openWorld(t, under);
      const delivery = await mine.pending(await mine.webhook());
      await store.settle([settlementOf(delivery, attemptOf(newId('attempt')))]);
      const before = await mine.delivery(delivery.id);
      const { accountId, webhookId } = delivery;
      assert.equal(await store.cancelPending({ accountId, webhookId }, 'x', 10), 0);
      assert.deepEqual(await mine.delivery(delivery.id), before);
    });

    test('other webhooks and other accounts keep what is pending', async (t) => {
      const { store, mine, theirs } = await openWorld(t, under);
      const [webhook, other] = [await mine.webhook(), await mine.webhook()];
      const twin = await theirs.webhook({ id: webhook.id });
      await mine.publish({});
      await theirs.publish({});
      assert.equal(
        await store.cancelPending({ accountId: mine.id, webhookId: webhook.id }, 'x', 10),
        1,
      );
      assert.equal((await mine.due(other)).deliveries.length, 1);
      assert.equal((await theirs.due(twin)).deliveries.length, 1);
      const foreign = { accountId: theirs.id, webhookId: other.id };
      assert.equal(await store.cancelPending(foreign, 'x', 10), 0);
      assert.equal((await mine.due(other)).deliveries.length, 1);
    });
  });
}
