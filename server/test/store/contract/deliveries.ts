import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeliveryFilter } from '../../../src/core/ports.ts';
import {
  attemptOf,
  BEGIN,
  eventOf,
  failedAttemptOf,
  idsOf,
  openWorld,
  settlementOf,
  type World,
} from './fixtures.ts';
import { freshOf, retriesOf } from './pending-deliveries.ts';
import type { StoreUnderTest } from './store-under-test.ts';

export function deliveriesContract(under: StoreUnderTest): void {
  describe('deliveries and their pages', () => {
    test('deliveries are listed newest first, page by page', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, theirs } = world;
      const webhook = await mine.webhook();
      await theirs.webhook({ id: webhook.id });
      const ids: string[] = [];
      for (let count = 0; count < 5; count++) {
        ids.unshift((await mine.pending(webhook)).id);
        await theirs.publish({});
      }
      for (const filter of [{}, { webhookId: webhook.id }]) {
        const first = await store.listDeliveries(mine.id, filter, { limit: 3 });
        assert.deepEqual(idsOf(first.items), ids.slice(0, 3));
        assert.deepEqual([first.hasMore, first.end], [true, ids[2]]);
        const page = { limit: 2, after: first.end ?? undefined };
        const second = await store.listDeliveries(mine.id, filter, page);
        assert.deepEqual(idsOf(second.items), ids.slice(3));
        assert.deepEqual([second.hasMore, second.end], [false, ids[4]]);
      }
    });

    test('an event lists what was made with it, what was sent again, and what an older program made', async (t) => {
      const { store, mine, newId, tick } = await openWorld(t, under);
      const webhook = await mine.webhook();
      await mine.webhook();
      const [event] = await mine.publish({}, {});
      const eventId = event?.id ?? '';
      const madeWith = event?.deliveries.map(({ id }) => id) ?? [];
      const again = newId('delivery');
      await store.redeliver({
        accountId: mine.id,
        deliveryId: madeWith[0] ?? '',
        newId: again,
        createdAt: tick(),
      });
      // Its id begins with a moment that is not the event's.
      const { version } = await store.subscriptions(mine.id);
      const older = newId('delivery');
      const olderEvent = eventOf(mine.id, newId('event'), tick());
      const deliveries = [{ id: older, webhookId: webhook.id }];
      await store.publish({
        accountId: mine.id,
        webhooksVersion: version,
        events: [{ ...olderEvent, deliveries }],
      });
      const listed: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await store.listDeliveries(mine.id, { eventId }, { limit: 1, after });
        listed.push(...idsOf(page.items));
        if (!page.hasMore) break;
        after = page.end ?? undefined;
      }
      assert.deepEqual(listed, [again, ...madeWith.sort().reverse()]);
      const ofOlder = await store.listDeliveries(mine.id, { eventId: olderEvent.id }, { limit: 5 });
      assert.deepEqual(idsOf(ofOlder.items), [older]);
      for (const unknown of ['evt_', 'evt_0', eventId.slice(0, 8), eventId.slice(0, 14)]) {
        const none = await store.listDeliveries(mine.id, { eventId: unknown }, { limit: 5 });
        assert.deepEqual(none.items, [], unknown);
      }
      const before = { eventId, createdBefore: BEGIN };
      assert.deepEqual((await store.listDeliveries(mine.id, before, { limit: 5 })).items, []);
    });

    test('a list can be of one webhook, event, type or status, or of several of them', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, handedOver, newId } = world;
      const [first, second] = [await mine.webhook(), await mine.webhook()];
      const [created, deleted] = await mine.publish({}, { type: 'user.deleted' });
      const [delivered, failed] = handedOver.flat();
      assert.ok(delivered && failed);
      await store.settle([
        settlementOf(delivered, attemptOf(newId('attempt'))),
        settlementOf(failed, failedAttemptOf(newId('attempt')), { status: 'failed' }),
      ]);
      const { items: all } = await store.listDeliveries(mine.id, {}, { limit: 10 });
      const filters: [filter: DeliveryFilter, count: number][] = [
        [{}, 4],
        [{ webhookId: first.id }, 2],
        [{ webhookId: second.id }, 2],
        [{ webhookId: newId('webhook') }, 0],
        [{ eventId: created?.id }, 2],
        [{ eventId: newId('event') }, 0],
        [{ type: 'user.deleted' }, 2],
        [{ type: 'user' }, 0],
        [{ status: 'pending' }, 2],
        [{ status: 'delivered' }, 1],
        [{ status: 'failed' }, 1],
        [{ status: 'cancelled' }, 0],
        [{ webhookId: first.id, eventId: deleted?.id }, 1],
        [{ webhookId: delivered.webhookId, status: 'delivered', type: 'user.created' }, 1],
        [{ webhookId: failed.webhookId, status: 'delivered' }, 0],
        [{ eventId: created?.id, type: 'user.deleted' }, 0],
      ];
      for (const [filter, count] of filters) {
        const { items, hasMore } = await store.listDeliveries(mine.id, filter, { limit: 10 });
        const wanted = all.filter(
          (one) =>
            (filter.webhookId ?? one.webhookId) === one.webhookId &&
            (filter.eventId ?? one.eventId) === one.eventId &&
            (filter.type ?? one.eventType) === one.eventType &&
            (filter.status ?? one.status) === one.status,
        );
        assert.equal(wanted.length, count, JSON.stringify(filter));
        assert.deepEqual(items, wanted, JSON.stringify(filter));
        assert.equal(hasMore, false);
      }
    });

    test('a span of time has its beginning and not its end', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine } = world;
      const webhook = await mine.webhook();
      const { id, event } = await mine.pending(webhook);
      const { createdAt } = await mine.delivery(id);
      const spans: [filter: DeliveryFilter, seen: boolean][] = [
        [{ createdAfter: createdAt }, true],
        [{ createdAfter: createdAt + 1 }, false],
        [{ createdBefore: createdAt }, false],
        [{ createdBefore: createdAt + 1 }, true],
        [{ createdAfter: createdAt, createdBefore: createdAt + 1 }, true],
        [{ createdAfter: 0, createdBefore: Number.MAX_SAFE_INTEGER }, true],
        [{ createdAfter: createdAt + 1, createdBefore: createdAt }, false],
      ];
      for (const [span, seen] of spans) {
        const deliveries = await store.listDeliveries(mine.id, span, { limit: 10 });
        assert.deepEqual(idsOf(deliveries.items), seen ? [id] : [], JSON.stringify(span));
        const events = await store.listEvents(mine.id, span, { limit: 10 });
        assert.deepEqual(idsOf(events.items), seen ? [event.id] : [], JSON.stringify(span));
      }
    });

    test('a page that finds little stops after a bounded number of rows, and the next goes on', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, newId } = world;
      const webhook = await mine.webhook();
      const oldest = await mine.pending(webhook);
      await store.settle([settlementOf(oldest, attemptOf(newId('attempt')))]);
      await mine.publish(...Array.from({ length: 2_500 }, () => ({})));
      const filter = { webhookId: webhook.id, status: 'delivered' } as const;
      const first = await store.listDeliveries(mine.id, filter, { limit: 10 });
      assert.deepEqual([first.items, first.hasMore], [[], true]);
      const page = { limit: 10, after: first.end ?? undefined };
      const second = await store.listDeliveries(mine.id, filter, page);
      assert.deepEqual([idsOf(second.items), second.hasMore], [[oldest.id], false]);
    });

    test('a page of events that finds little stops early too, and the next goes on', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const [oldest] = await mine.publish({ type: 'user.deleted' });
      await mine.publish(...Array.from({ length: 2_500 }, () => ({})));
      const filter = { type: 'user.deleted' };
      const first = await store.listEvents(mine.id, filter, { limit: 10 });
      assert.deepEqual([first.items, first.hasMore], [[], true]);
      const page = { limit: 10, after: first.end ?? undefined };
      const second = await store.listEvents(mine.id, filter, page);
      assert.deepEqual([idsOf(second.items), second.hasMore], [[oldest?.id], false]);
    });

    test('the deliveries of another account do not exist', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, theirs } = world;
      const { id, webhookId, event } = await mine.pending(await mine.webhook());
      const eventId = event.id;
      assert.equal(await store.getDelivery(theirs.id, id), null);
      for (const filter of [{}, { webhookId }, { eventId }]) {
        const { items } = await store.listDeliveries(theirs.id, filter, { limit: 10 });
        assert.deepEqual(items, []);
      }
      const twin = await theirs.webhook({ id: webhookId });
      await theirs.publish({ id: eventId });
      for (const filter of [{}, { webhookId }, { eventId }]) {
        const { items } = await store.listDeliveries(theirs.id, filter, { limit: 10 });
        assert.deepEqual(
          items.map((one) => [one.accountId, one.webhookId]),
          [[theirs.id, twin.id]],
        );
      }
    });

    test('events are listed newest first, of every type or of one, page by page', async (t) => {
      const { store, mine, theirs } = await openWorld(t, under);
      const types = ['user.created', 'user.deleted', 'user.created', 'user.created'];
      const ids: string[] = [];
      for (const type of types) {
        const [event] = await mine.publish({ type });
        ids.unshift(event?.id ?? '');
        await theirs.publish({ type });
      }
      const first = await store.listEvents(mine.id, {}, { limit: 3 });
      const second = await store.listEvents(mine.id, {}, { limit: 1, after: ids[2] });
      assert.deepEqual(idsOf([...first.items, ...second.items]), ids);
      assert.deepEqual([first.hasMore, second.hasMore], [true, false]);
      const filter = { type: 'user.created' };
      const ofType = await store.listEvents(mine.id, filter, { limit: 10 });
      assert.deepEqual(idsOf(ofType.items), [ids[0], ids[1], ids[3]]);
    });

    test('a test call is recorded as an event and a delivery that has ended', async (t) => {
      const { store, mine, theirs, newId, tick, handedOver } = await openWorld(t, under);
      const { id: webhookId } = await mine.webhook();
      const event = eventOf(mine.id, newId('testEvent'), tick());
      const [deliveryId, attempt] = [newId('delivery'), failedAttemptOf(newId('attempt'))];
      await store.recordTest({ event, deliveryId, webhookId, status: 'failed', attempt });
      assert.deepEqual(await store.getEvent(mine.id, event.id), event);
      assert.equal(await store.getEvent(theirs.id, event.id), null);
      const { status, trigger, eventId, lastAttempt } = await mine.delivery(deliveryId);
      assert.deepEqual(
        { status, trigger, eventId, lastAttempt },
        { status: 'failed', trigger: 'test', eventId: event.id, lastAttempt: attempt },
      );
      assert.deepEqual(handedOver, []);
    });

    test('a delivery that is sent again is a new one, of the same event to the same webhook', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, handedOver, newId, tick } = world;
      const webhook = await mine.webhook();
      const delivery = await mine.pending(webhook);
      await store.settle([settlementOf(delivery, attemptOf(newId('attempt')))]);
      const [again, createdAt] = [newId('delivery'), tick()];
      const said = await store.redeliver({
        accountId: mine.id,
        deliveryId: delivery.id,
        newId: again,
        createdAt,
      });
      assert.deepEqual(said, { result: await mine.delivery(again) });
      const { deliveries } = await mine.due(webhook);
      const { seq } = deliveries[0] ?? { seq: 0 };
      const wanted = { ...delivery, seq, id: again, trigger: 'manual', dueAt: createdAt };
      assert.deepEqual(deliveries, [wanted]);
      assert.deepEqual(handedOver.flat().at(-1), wanted);
      assert.ok(seq > delivery.seq, 'it goes to the end');
      assert.equal((await mine.delivery(delivery.id)).status, 'delivered');
    });

    test('nothing is sent again to a webhook that is disabled or deleted, or of another account', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, theirs, tick } = world;
      const webhook = await mine.webhook();
      const { id } = await mine.pending(webhook);
      assert.equal(await redeliver(world, theirs.id, id), 'missing');
      assert.equal(await redeliver(world, mine.id, world.newId('delivery')), 'missing');
      await store.updateWebhook(mine.id, webhook.id, { status: 'disabled' }, tick());
      assert.equal(await redeliver(world, mine.id, id), 'webhook_disabled');
      await store.deleteWebhook(mine.id, webhook.id, tick());
      assert.equal(await redeliver(world, mine.id, id), 'webhook_missing');
      assert.equal((await store.listDeliveries(mine.id, {}, { limit: 10 })).items.length, 1);
      assert.equal(world.handedOver.flat().length, 1);
    });

    test('the figures of a webhook are those of its deliveries since a moment', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, theirs, newId, handedOver } = world;
      const webhook = await mine.webhook();
      await theirs.webhook({ id: webhook.id });
      await theirs.publish({});
      await mine.publish({}, {}, {}, {});
      const deliveries = handedOver.flat().filter(({ accountId }) => accountId === mine.id);
      const [first, second, third] = deliveries;
      assert.ok(first && second && third);
      await store.settle([
        settlementOf(first, attemptOf(newId('attempt'), { responseTimeMs: 30 })),
        settlementOf(second, attemptOf(newId('attempt'), { responseTimeMs: 10 })),
        settlementOf(third, failedAttemptOf(newId('attempt'), { responseTimeMs: null }), {
          status: 'failed',
        }),
      ]);
      const ref = { accountId: mine.id, webhookId: webhook.id };
      const stats = await store.deliveryStats(ref, BEGIN);
      assert.deepEqual(stats, {
        counted: 4,
        complete: true,
        delivered: 2,
        failed: 1,
        cancelled: 0,
        pending: 1,
        pendingComplete: true,
        nextDueAt: deliveries[3]?.dueAt,
        responseTimesMs: [10, 30],
      });
      const later = await store.deliveryStats(ref, Number.MAX_SAFE_INTEGER);
      assert.deepEqual([later.counted, later.pending], [0, 1], 'pending is counted in full');
    });

    const pending: [retries: number[], fresh: number, nextDueAt: number | null][] = [
      [[], 0, null],
      [[20, 10], 0, 10],
      [[20, 10], 2, 5],
      [[3], 1, 3],
    ];
    for (const [retries, fresh, nextDueAt] of pending) {
      test(`of ${fresh} never tried since 5 and retries due at ${retries}, the next is due at ${nextDueAt}`, async (t) => {
        const world = await openWorld(t, under);
        const webhook = await world.mine.webhook();
        await retriesOf(world, webhook, retries);
        await freshOf(world, webhook, fresh, { createdAt: BEGIN + 5 });
        const ref = { accountId: world.mine.id, webhookId: webhook.id };
        const stats = await world.store.deliveryStats(ref, BEGIN);
        assert.deepEqual(
          [stats.pending, stats.nextDueAt],
          [retries.length + fresh, nextDueAt === null ? null : BEGIN + nextDueAt],
        );
      });
    }
  });
}

async function redeliver(world: World, accountId: string, deliveryId: string) {
  const { store, newId, tick } = world;
  const redelivery = { accountId, deliveryId, newId: newId('delivery'), createdAt: tick() };
  const said = await store.redeliver(redelivery);
  return 'result' in said ? said.result : said;
}
