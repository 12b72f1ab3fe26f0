import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BEGIN, failedAttemptOf, idsOf, NO_LIMIT, openWorld, settlementOf } from './fixtures.ts';
import { freshOf, retriesOf } from './pending-deliveries.ts';
import type { StoreUnderTest } from './store-under-test.ts';

/** A moment at which every delivery of these tests is due. */
const LATER = NO_LIMIT * BEGIN;

export function dueContract(under: StoreUnderTest): void {
  describe('what is due', () => {
    test('retries come by their due time, and among equal ones in the order of acceptance', async (t) => {
      const world = await openWorld(t, under);
      const webhook = await world.mine.webhook();
      const [late, first, second, early] = await retriesOf(world, webhook, [30, 20, 20, 10]);
      const { deliveries } = await world.mine.due(webhook);
      assert.deepEqual(deliveries, [early, first, second, late]);
    });

    test('what was never tried is due whatever the clock says, in the order of acceptance', async (t) => {
      const world = await openWorld(t, under);
      const webhook = await world.mine.webhook();
      const [second] = await freshOf(world, webhook, 1, { createdAt: BEGIN + 20 });
      const [third] = await freshOf(world, webhook, 1, { createdAt: BEGIN + 10 });
      const found = await world.mine.due(webhook, { dueBefore: 0 });
      assert.deepEqual(found, { deliveries: [second, third], more: false, nextDueAt: null });
    });

    test('what is due is answered with all that sending it needs', async (t) => {
      const { store, mine, newId } = await openWorld(t, under);
      const webhook = await mine.webhook();
      const delivery = await mine.pending(webhook, { body: '{"x":"🪝"}' });
      assert.deepEqual((await mine.due(webhook)).deliveries, [delivery]);
      const retryAt = BEGIN + 60_000;
      const attempt = failedAttemptOf(newId('attempt'));
      await store.settle([settlementOf(delivery, attempt, { status: 'pending', dueAt: retryAt })]);
      const { deliveries } = await mine.due(webhook);
      assert.deepEqual(deliveries, [{ ...delivery, attemptCount: 1, dueAt: retryAt }]);
    });

    const moments: [dueBefore: number, due: number, nextDueAt: number | null][] = [
      [9, 0, 10],
      [10, 1, 20],
      [19, 1, 20],
      [20, 2, null],
    ];
    for (const [dueBefore, due, nextDueAt] of moments) {
      test(`at ${dueBefore}, of retries due at 10 and 20, ${due} are due; the next is at ${nextDueAt}`, async (t) => {
        const world = await openWorld(t, under);
        const webhook = await world.mine.webhook();
        await retriesOf(world, webhook, [10, 20]);
        const found = await world.mine.due(webhook, { dueBefore: BEGIN + dueBefore });
        assert.equal(found.deliveries.length, due);
        assert.equal(found.nextDueAt, nextDueAt === null ? null : BEGIN + nextDueAt);
        assert.equal(found.more, false);
      });
    }

    // Neither may wait for the end of the other; a page has them in this order, whatever was read first.
    const shares: [fresh: number, retries: number, limit: number, seen: [number, number]][] = [
      [9, 9, 6, [3, 3]],
      [9, 9, 7, [4, 3]],
      [9, 1, 6, [5, 1]],
      [1, 9, 6, [1, 5]],
      [0, 9, 6, [0, 6]],
      [9, 0, 6, [6, 0]],
      [2, 2, 6, [2, 2]],
    ];
    for (const [fresh, retries, limit, [freshSeen, retriesSeen]] of shares) {
      test(`of ${fresh} never tried and ${retries} retries, a page of ${limit} has ${freshSeen} and ${retriesSeen}`, async (t) => {
        const world = await openWorld(t, under);
        const webhook = await world.mine.webhook();
        const wantedRetries = await retriesOf(world, webhook, Array(retries).fill(1));
        const wantedFresh = await freshOf(world, webhook, fresh);
        const { deliveries, more } = await world.mine.due(webhook, { limit });
        const wanted = [...wantedFresh.slice(0, freshSeen), ...wantedRetries.slice(0, retriesSeen)];
        assert.deepEqual(deliveries, wanted);
        assert.equal(more, fresh + retries > wanted.length);
      });
    }

    for (const [limit, more] of [
      [2, true],
      [3, false],
      [4, false],
    ] as const) {
      test(`of three that are due, ${limit} are asked for: ${more ? 'there are more' : 'that is all'}`, async (t) => {
        const world = await openWorld(t, under);
        const webhook = await world.mine.webhook();
        const all = await freshOf(world, webhook, 3);
        const found = await world.mine.due(webhook, { limit });
        assert.deepEqual(found.deliveries, all.slice(0, limit));
        assert.equal(found.more, more);
      });
    }

    const sizes: [bytesMax: number, read: number][] = [
      [1, 1],
      [100, 1],
      [101, 2],
      [200, 2],
      [201, 3],
    ];
    for (const [bytesMax, read] of sizes) {
      test(`of three bodies of 100 bytes, ${read} are read when ${bytesMax} are asked for`, async (t) => {
        const world = await openWorld(t, under);
        const webhook = await world.mine.webhook();
        const all = await freshOf(world, webhook, 3, { body: 'x'.repeat(100) });
        const found = await world.mine.due(webhook, { bytesMax });
        assert.deepEqual(found.deliveries, all.slice(0, read));
        assert.equal(found.more, read < all.length);
      });
    }

    test('the body of an event is read once, however many of its deliveries are due', async (t) => {
      const { store, mine, newId, tick } = await openWorld(t, under);
      const webhook = await mine.webhook();
      const { id: deliveryId } = await mine.pending(webhook, { body: 'x'.repeat(100) });
      for (let count = 0; count < 2; count++) {
        const [again, createdAt] = [newId('delivery'), tick()];
        await store.redeliver({ accountId: mine.id, deliveryId, newId: again, createdAt });
      }
      const { deliveries } = await mine.due(webhook, { bytesMax: 101 });
      assert.equal(deliveries.length, 3);
      assert.equal(new Set(deliveries.map(({ event }) => event)).size, 1, 'they share one object');
    });

    for (const kind of ['never tried', 'to be retried'] as const) {
      test(`what is in memory already is read past, of what is ${kind}`, async (t) => {
        const world = await openWorld(t, under);
        const webhook = await world.mine.webhook();
        const all =
          kind === 'never tried'
            ? await freshOf(world, webhook, 6)
            : await retriesOf(world, webhook, [1, 2, 3, 4, 5, 6]);
        const except = all.slice(0, 3).map(({ seq }) => seq);
        const some = await world.mine.due(webhook, { except, limit: 2 });
        assert.deepEqual(some.deliveries, all.slice(3, 5));
        assert.equal(some.more, true);
        const rest = await world.mine.due(webhook, { except, limit: 3 });
        assert.deepEqual(rest.deliveries, all.slice(3));
        assert.equal(rest.more, false, 'what is in memory is not more');
      });
    }

    test('what is in memory but not due any more takes the place of nothing', async (t) => {
      const world = await openWorld(t, under);
      const webhook = await world.mine.webhook();
      const all = await freshOf(world, webhook, 3);
      const except = [7_001, 7_002, 7_003];
      const found = await world.mine.due(webhook, { except, limit: 2 });
      assert.deepEqual(found.deliveries, all.slice(0, 2));
      assert.equal(found.more, true);
    });

    for (const ordering of ['none', 'strict'] as const) {
      test(`what has ended is not due, with the ordering ${ordering}`, async (t) => {
        const { store, mine, newId } = await openWorld(t, under);
        const webhook = await mine.webhook();
        const delivery = await mine.pending(webhook);
        await store.settle([settlementOf(delivery, failedAttemptOf(newId('attempt')))]);
        const nothing = { deliveries: [], more: false, nextDueAt: null };
        assert.deepEqual(await mine.due(webhook, { ordering }), nothing);
      });

      test(`a webhook hears nothing of another webhook, nor of another account, with the ordering ${ordering}`, async (t) => {
        const world = await openWorld(t, under);
        const { mine, theirs } = world;
        const [webhook, other] = [await mine.webhook(), await mine.webhook({ events: ['team.*'] })];
        const twin = await theirs.webhook({ id: webhook.id });
        await retriesOf(world, webhook, [10]);
        await mine.publish({});
        const nothing = { deliveries: [], more: false, nextDueAt: null };
        for (const dueBefore of [BEGIN, LATER]) {
          assert.deepEqual(await mine.due(other, { dueBefore, ordering }), nothing);
          assert.deepEqual(await theirs.due(twin, { dueBefore, ordering }), nothing);
        }
      });
    }
  });

  describe('what is pending in strict order', () => {
    test('the order of acceptance is kept, whatever was tried and whatever is due', async (t) => {
      const world = await openWorld(t, under);
      const webhook = await world.mine.webhook();
      const [first, third] = [
        await retriesOf(world, webhook, [30]),
        await freshOf(world, webhook, 2),
      ];
      const last = await retriesOf(world, webhook, [20, 10]);
      const all = [...first, ...third, ...last];
      const found = await world.mine.due(webhook, { ordering: 'strict', dueBefore: 0 });
      assert.deepEqual(found, { deliveries: all, more: false, nextDueAt: null });
      for (const [limit, more] of [
        [1, true],
        [4, true],
        [5, false],
      ] as const) {
        const some = await world.mine.due(webhook, { ordering: 'strict', limit });
        assert.deepEqual(some, { deliveries: all.slice(0, limit), more, nextDueAt: null });
      }
    });

    test('what is in memory already is read past', async (t) => {
      const world = await openWorld(t, under);
      const webhook = await world.mine.webhook();
      const all = [
        ...(await retriesOf(world, webhook, [30, 10])),
        ...(await freshOf(world, webhook, 2)),
      ];
      const except = [all[0]?.seq ?? 0, all[2]?.seq ?? 0];
      const found = await world.mine.due(webhook, { ordering: 'strict', except });
      assert.deepEqual(idsOf(found.deliveries), [all[1]?.id, all[3]?.id]);
      assert.equal(found.more, false);
    });
  });
}
