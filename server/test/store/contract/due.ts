import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Webhook } from '../../../src/core/model.ts';
import type { DueDelivery, WebhookRef } from '../../../src/core/ports.ts';
import { BEGIN, failedAttemptOf, openWorld, settlementOf, type World } from './fixtures.ts';
import type { StoreUnderTest } from './store-under-test.ts';

export function dueContract(under: StoreUnderTest): void {
  describe('what is due', () => {
    test('the oldest due time comes first, and among equal ones the order of acceptance', async (t) => {
      const world = await openWorld(t, under);
      const { mine } = world;
      const webhook = await mine.webhook();
      const [late, first, second, early] = await dueAt(world, webhook, [30, 20, 20, 10]);
      const { deliveries } = await mine.due(webhook);
      assert.deepEqual(deliveries, [early, first, second, late]);
    });

    test('what is due is answered with all that sending it needs', async (t) => {
      const world = await openWorld(t, under);
      const webhook = await world.mine.webhook();
      const [delivery] = await dueAt(world, webhook, [10], '{"x":"🪝"}');
      assert.ok(delivery);
      const retryAt = BEGIN + 60_000;
      const attempt = failedAttemptOf(world.newId('attempt'));
      await world.store.settle([
        settlementOf(delivery, attempt, { status: 'pending', dueAt: retryAt }),
      ]);
      const { deliveries } = await world.mine.due(webhook);
      assert.deepEqual(deliveries, [{ ...delivery, attemptCount: 1, dueAt: retryAt }]);
    });

    const moments: [dueBefore: number, due: number, nextDueAt: number | null][] = [
      [9, 0, 10],
      [10, 1, 20],
      [19, 1, 20],
      [20, 2, null],
    ];
    for (const [dueBefore, due, nextDueAt] of moments) {
      test(`at ${dueBefore}, of what is due at 10 and 20, ${due} are due; the next is at ${nextDueAt}`, async (t) => {
        const world = await openWorld(t, under);
        const webhook = await world.mine.webhook();
        await dueAt(world, webhook, [10, 20]);
        const found = await world.mine.due(webhook, { dueBefore: BEGIN + dueBefore });
        assert.equal(found.deliveries.length, due);
        assert.equal(found.nextDueAt, nextDueAt === null ? null : BEGIN + nextDueAt);
        assert.equal(found.more, false);
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
        const all = await dueAt(world, webhook, [1, 2, 3]);
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
        const all = await dueAt(world, webhook, [1, 2, 3], 'x'.repeat(100));
        const found = await world.mine.due(webhook, { bytesMax });
        assert.deepEqual(found.deliveries, all.slice(0, read));
        assert.equal(found.more, read < all.length);
      });
    }

    test('what is in memory already is read past', async (t) => {
      const world = await openWorld(t, under);
      const webhook = await world.mine.webhook();
      const all = await dueAt(world, webhook, [1, 2, 3, 4, 5, 6]);
      const except = all.slice(0, 3).map(({ seq }) => seq);
      const some = await world.mine.due(webhook, { except, limit: 2 });
      assert.deepEqual(some.deliveries, all.slice(3, 5));
      assert.equal(some.more, true);
      const rest = await world.mine.due(webhook, { except, limit: 3 });
      assert.deepEqual(rest.deliveries, all.slice(3));
      assert.equal(rest.more, false, 'what is in memory is not more');
    });

    test('what is in memory but not due any more takes the place of nothing', async (t) => {
      const world = await openWorld(t, under);
      const webhook = await world.mine.webhook();
      const all = await dueAt(world, webhook, [1, 2, 3]);
      const except = [7_001, 7_002, 7_003];
      const found = await world.mine.due(webhook, { except, limit: 2 });
      assert.deepEqual(found.deliveries, all.slice(0, 2));
      assert.equal(found.more, true);
    });

    test('what has ended is not due', async (t) => {
      const { store, mine, newId } = await openWorld(t, under);
      const webhook = await mine.webhook();
      const delivery = await mine.pending(webhook);
      await store.settle([settlementOf(delivery, failedAttemptOf(newId('attempt')))]);
      assert.deepEqual(await mine.due(webhook), { deliveries: [], more: false, nextDueAt: null });
    });

    test('a webhook hears nothing of another webhook, nor of another account', async (t) => {
      const world = await openWorld(t, under);
      const { mine, theirs } = world;
      const [webhook, other] = [await mine.webhook(), await mine.webhook({ events: ['team.*'] })];
      const twin = await theirs.webhook({ id: webhook.id });
      await dueAt(world, webhook, [10]);
      const nothing = { deliveries: [], more: false, nextDueAt: null };
      for (const dueBefore of [BEGIN, BEGIN + 10]) {
        assert.deepEqual(await mine.due(other, { dueBefore }), nothing);
        assert.deepEqual(await theirs.due(twin, { dueBefore }), nothing);
      }
    });
  });

  describe('webhooks with something pending', () => {
    test('every account has its turn, each webhook with its earliest due time, in pages', async (t) => {
      const world = await openWorld(t, under);
      const wanted: (WebhookRef & { dueAt: number })[] = [];
      for (const account of [world.mine, world.theirs]) {
        for (let count = 0; count < 3; count++) {
          const webhook = await account.webhook({ events: [`type_${count}`] });
          await account.publish(
            { type: `type_${count}`, createdAt: BEGIN + 20 },
            { type: `type_${count}`, createdAt: BEGIN + 10 },
          );
          wanted.push({ accountId: account.id, webhookId: webhook.id, dueAt: BEGIN + 10 });
        }
        await account.webhook({ events: ['nothing'] });
      }
      for (const limit of [1, 2, 3, 8, 9, 100]) {
        assert.deepEqual(await allWithPending(world, limit), wanted.toSorted(byRef));
      }
    });

    test('what is paused, disabled or deleted is named as well: the engine has to clear it up', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, tick } = world;
      const webhooks = [await mine.webhook(), await mine.webhook(), await mine.webhook()];
      await mine.publish({});
      const [paused, disabled, deleted] = webhooks.map(({ id }) => id);
      await store.updateWebhook(mine.id, paused ?? '', { status: 'paused' }, tick());
      await store.updateWebhook(mine.id, disabled ?? '', { status: 'disabled' }, tick());
      await store.deleteWebhook(mine.id, deleted ?? '', tick());
      const found = await allWithPending(world, 100);
      assert.deepEqual(
        new Set(found.map(({ webhookId }) => webhookId)),
        new Set([paused, disabled, deleted]),
      );
    });

    test('a webhook whose deliveries have all ended is not named', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, newId } = world;
      const delivery = await mine.pending(await mine.webhook());
      await store.settle([settlementOf(delivery, failedAttemptOf(newId('attempt')))]);
      assert.deepEqual(await allWithPending(world, 100), []);
    });
  });
}

/** Deliveries to one webhook, accepted in this order and due at these moments. */
async function dueAt(
  { mine, handedOver }: World,
  webhook: Webhook,
  moments: readonly number[],
  body = '{}',
): Promise<DueDelivery[]> {
  const ids = new Set<string>();
  for (const moment of moments) {
    const [event] = await mine.publish({ createdAt: BEGIN + moment, body });
    ids.add(event?.id ?? '');
  }
  return handedOver
    .flat()
    .filter(({ webhookId, event }) => webhookId === webhook.id && ids.has(event.id));
}

async function allWithPending({ store }: World, limit: number) {
  const found: (WebhookRef & { dueAt: number })[] = [];
  let after: WebhookRef | null = null;
  do {
    const page = await store.webhooksWithPending({ after, limit, counts: true });
    found.push(...page.items);
    after = page.next;
  } while (after !== null);
  return found;
}

function byRef(a: WebhookRef, b: WebhookRef): number {
  return a.accountId + a.webhookId < b.accountId + b.webhookId ? -1 : 1;
}
