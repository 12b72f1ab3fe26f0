import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  attemptOf,
  BEGIN,
  eventOf,
  failedAttemptOf,
  NO_LIMIT,
  openWorld,
  settlementOf,
} from './fixtures.ts';
import { freshOf } from './pending-deliveries.ts';
import type { StoreUnderTest } from './store-under-test.ts';

export function sendTimesContract(under: StoreUnderTest): void {
  describe('when attempts began', () => {
    test('every attempt counts once: the newest of a delivery, those before, and a first try', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, newId } = world;
      const webhook = await mine.webhook();
      const [ended, retried, fresh] = await freshOf(world, webhook, 3);
      assert.ok(ended && retried && fresh);
      const at = (startedAt: number, number = 1) =>
        failedAttemptOf(newId('attempt'), { startedAt, number });
      const [firstTry, second] = [at(10), at(11)];
      await store.settle([settlementOf(ended, second, { firstTry })]);
      await store.settle([settlementOf(retried, at(12), { status: 'pending', dueAt: BEGIN })]);
      await store.settle([settlementOf(retried, at(13, 2), { status: 'pending', dueAt: BEGIN })]);
      const ref = { accountId: mine.id, webhookId: webhook.id };
      const times = (since: number, limit = NO_LIMIT) => store.sendTimes({ ...ref, since, limit });
      assert.deepEqual(await times(0), [10, 11, 12, 13]);
      assert.deepEqual(await times(11), [11, 12, 13], 'a span has its beginning');
      assert.deepEqual(await times(0, 2), [12, 13], 'the newest, oldest first');
      assert.deepEqual(await times(14), []);
    });

    test('a delivery before and one behind the first that was never tried both count', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, newId } = world;
      const webhook = await mine.webhook();
      const [before, , behind] = await freshOf(world, webhook, 3);
      assert.ok(before && behind);
      await store.settle([
        settlementOf(behind, attemptOf(newId('attempt'), { startedAt: 11 })),
        settlementOf(before, attemptOf(newId('attempt'), { startedAt: 10 })),
      ]);
      const ref = { accountId: mine.id, webhookId: webhook.id };
      assert.deepEqual(await store.sendTimes({ ...ref, since: 0, limit: 10 }), [10, 11]);
    });

    test('test calls, other webhooks and other accounts do not count', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, theirs, newId, tick } = world;
      const [webhook, other] = [await mine.webhook(), await mine.webhook()];
      const twin = await theirs.webhook({ id: webhook.id });
      for (const delivery of [await mine.pending(other), await theirs.pending(twin)]) {
        await store.settle([settlementOf(delivery, attemptOf(newId('attempt')))]);
      }
      const event = eventOf(mine.id, newId('testEvent'), tick());
      const [deliveryId, attempt] = [newId('delivery'), attemptOf(newId('attempt'))];
      const webhookId = webhook.id;
      await store.recordTest({ event, deliveryId, webhookId, status: 'delivered', attempt });
      const ref = { accountId: mine.id, webhookId };
      assert.deepEqual(await store.sendTimes({ ...ref, since: 0, limit: 10 }), []);
    });
  });
}
