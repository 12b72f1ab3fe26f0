import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Webhook } from '../../../src/core/model.ts';
import { openWorld, type World, webhookOf } from './fixtures.ts';
import type { StoreUnderTest } from './store-under-test.ts';

interface Change {
  name: string;
  change(world: World, webhook: Webhook): Promise<unknown>;
}

const RAISING: Change[] = [
  { name: 'a create', change: ({ mine }) => mine.webhook() },
  {
    name: 'an update',
    change: ({ store, mine, tick }, { id }) =>
      store.updateWebhook(mine.id, id, { status: 'paused' }, tick()),
  },
  {
    name: 'a delete',
    change: ({ store, mine, tick }, { id }) => store.deleteWebhook(mine.id, id, tick()),
  },
];

const KEEPING: Change[] = [
  {
    name: 'a create that is refused',
    change: ({ store, mine, newId, tick }) => {
      const webhook = webhookOf(mine.id, newId('webhook'), tick());
      return store.createWebhook(webhook, { perAccountMax: 1 });
    },
  },
  {
    name: 'an update of a webhook that does not exist',
    change: ({ store, mine, newId, tick }) =>
      store.updateWebhook(mine.id, newId('webhook'), { status: 'paused' }, tick()),
  },
  {
    name: 'a delete of a webhook that does not exist',
    change: ({ store, mine, newId, tick }) =>
      store.deleteWebhook(mine.id, newId('webhook'), tick()),
  },
  { name: 'a publish', change: ({ mine }) => mine.publish({}) },
  { name: 'a change of another account', change: ({ theirs }) => theirs.webhook() },
];

export function subscriptionsContract(under: StoreUnderTest): void {
  describe('subscriptions and their version', () => {
    for (const { name, change } of RAISING) {
      test(`the version of the webhooks rises with ${name}`, async (t) => {
        const world = await openWorld(t, under);
        const webhook = await world.mine.webhook();
        const before = await versionOf(world);
        await change(world, webhook);
        assert.equal(await versionOf(world), before + 1);
      });
    }

    for (const { name, change } of KEEPING) {
      test(`the version of the webhooks stays the same with ${name}`, async (t) => {
        const world = await openWorld(t, under);
        const webhook = await world.mine.webhook();
        const before = await versionOf(world);
        await change(world, webhook);
        assert.equal(await versionOf(world), before);
      });
    }

    test('active and paused webhooks subscribe; disabled and deleted ones do not', async (t) => {
      const { store, mine, theirs, tick } = await openWorld(t, under);
      const active = await mine.webhook({ events: ['user.*'] });
      const paused = await mine.webhook({ status: 'paused', events: ['*', 'user.created'] });
      await mine.webhook({ status: 'disabled', disabledReason: 'owner' });
      const { id } = await mine.webhook();
      await store.deleteWebhook(mine.id, id, tick());
      await theirs.webhook();
      const { webhooks } = await store.subscriptions(mine.id);
      const wanted = [active, paused].map(({ id, events }) => ({ id, events }));
      assert.deepEqual(webhooks.toSorted(byId), wanted.toSorted(byId));
    });
  });
}

async function versionOf({ store, mine }: World): Promise<number> {
  return (await store.subscriptions(mine.id)).version;
}

function byId(a: { id: string }, b: { id: string }): number {
  return a.id < b.id ? -1 : 1;
}
