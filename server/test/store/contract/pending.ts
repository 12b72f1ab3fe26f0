import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PendingWebhook, WebhookRef } from '../../../src/core/ports.ts';
import { SHARDS, shardOf } from '../../../src/core/shards.ts';
import { BEGIN, failedAttemptOf, openWorld, settlementOf, type World } from './fixtures.ts';
import { freshOf, retriesOf } from './pending-deliveries.ts';
import type { StoreUnderTest } from './store-under-test.ts';

export function pendingContract(under: StoreUnderTest): void {
  describe('webhooks with something pending', () => {
    test('every account has its turn, each webhook with its earliest due time, in pages', async (t) => {
      const world = await openWorld(t, under);
      const wanted: PendingWebhook[] = [];
      for (const [account, other] of [
        [world.mine, world.theirs],
        [world.theirs, world.mine],
      ] as const) {
        for (let count = 0; count < 3; count++) {
          const webhook = await account.webhook({ events: [`type_${count}`] });
          await retriesOf({ ...world, mine: account, theirs: other }, webhook, [20, 10], {
            type: `type_${count}`,
          });
          const ref = { accountId: account.id, webhookId: webhook.id };
          wanted.push({ ...ref, dueAt: BEGIN + 10, count: 2 });
        }
        await account.webhook({ events: ['nothing'] });
      }
      for (const limit of [1, 2, 3, 8, 9, 100]) {
        assert.deepEqual(await allWithPending(world, limit), wanted.toSorted(byRef));
      }
    });

    const kinds: [fresh: number, retries: number, dueAt: number][] = [
      [3, 0, 0],
      [0, 2, BEGIN + 10],
      [1, 2, 0],
    ];
    for (const [fresh, retries, dueAt] of kinds) {
      test(`${fresh} never tried and ${retries} to be retried are ${fresh + retries}, due at ${dueAt}`, async (t) => {
        const world = await openWorld(t, under);
        const webhook = await world.mine.webhook();
        await retriesOf(world, webhook, Array(retries).fill(10));
        await freshOf(world, webhook, fresh);
        const ref = { accountId: world.mine.id, webhookId: webhook.id };
        assert.deepEqual(await allWithPending(world, 10), [
          { ...ref, dueAt, count: fresh + retries },
        ]);
      });
    }

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

    test('those of the shards that were asked for are named, and no others', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const all: string[] = [];
      for (let made = 0; made < 10; made++) {
        const webhook = await mine.webhook();
        await mine.pending(webhook);
        all.push(webhook.id);
      }
      const [one = assert.fail()] = all;
      const named = async (shards: readonly number[]) => {
        const page = { after: null, limit: 100, counts: false, shards };
        return (await store.webhooksWithPending(page)).items.map(({ webhookId }) => webhookId);
      };
      const inIts = all.filter((id) => shardOf(id) === shardOf(one));
      assert.deepEqual((await named([shardOf(one)])).toSorted(), inIts.toSorted());
      const everywhere = Array.from({ length: SHARDS }, (_, shard) => shard);
      assert.deepEqual((await named(everywhere)).toSorted(), all.toSorted());
      assert.deepEqual(await named([]), []);
    });

    for (const [fresh, retries, max, count] of [
      [0, 0, 5, 0],
      [3, 2, 6, 5],
      [3, 2, 5, 5],
      [3, 2, 4, 4],
      [3, 2, 3, 3],
      [3, 2, 1, 1],
    ] as const) {
      test(`${fresh} never tried and ${retries} to be retried are counted up to ${max}: ${count}`, async (t) => {
        const world = await openWorld(t, under);
        const { store, mine } = world;
        const webhook = await mine.webhook();
        await retriesOf(world, webhook, Array(retries).fill(10));
        await freshOf(world, webhook, fresh);
        const ended = await mine.pending(webhook);
        await store.settle([settlementOf(ended, failedAttemptOf(world.newId('attempt')))]);
        const ref = { accountId: mine.id, webhookId: webhook.id };
        assert.equal(await store.countPending(ref, max), count);
        assert.equal(await store.countPending({ ...ref, accountId: world.theirs.id }, max), 0);
      });
    }

    test('a webhook whose deliveries have all ended is not named', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, newId } = world;
      const delivery = await mine.pending(await mine.webhook());
      await store.settle([settlementOf(delivery, failedAttemptOf(newId('attempt')))]);
      assert.deepEqual(await allWithPending(world, 100), []);
    });
  });
}

async function allWithPending({ store }: World, limit: number) {
  const found: PendingWebhook[] = [];
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
