import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attemptOf,
  bareType,
  failedAttemptOf,
  openWorld,
  settlementOf,
  type World,
} from './fixtures.ts';
import type { StoreUnderTest } from './store-under-test.ts';

export function reopenedContract(under: StoreUnderTest): void {
  const skip = under.losesEverythingBecause ?? false;

  test('a store that is opened again has everything', { skip }, async (t) => {
    const world = await openWorld(t, under);
    const { store, mine, theirs, newId } = world;
    const [webhook, paused] = [await mine.webhook(), await mine.webhook({ status: 'paused' })];
    await theirs.webhook();
    await mine.publish({ body: '{"x":"🪝"}' }, { type: 'user.deleted' });
    await theirs.publish({});
    await store.putEventType({ ...bareType('a.b'), schema: '{}', example: '{}' }, { max: 100 });
    await store.vaultCheck('sealed');
    const { deliveries } = await mine.due(webhook);
    const [first, second] = deliveries;
    assert.ok(first && second);
    const retry = failedAttemptOf(newId('attempt'));
    const dueAt = first.dueAt + 60_000;
    await store.settle([settlementOf(first, retry, { status: 'pending', dueAt })]);
    await store.settle([settlementOf(first, attemptOf(newId('attempt'), { number: 2 }))]);
    await store.cancelPending({ accountId: mine.id, webhookId: paused.id }, 'because', 1);

    const ref = { accountId: mine.id, webhookId: webhook.id };
    const memory = { health: 'proven', usualMs: 9, failingSince: null, failedAttempts: 0 } as const;
    await store.rememberLane(ref, memory);
    await store.holdWebhook(ref, 9);

    const before = await everything(world);
    const after = await everything(await world.reopen());
    assert.deepEqual(after, before);
    assert.equal(before.mine.deliveries.length, 4);
    assert.ok(before.mine.targets.some((target) => target?.memory && target.heldUntil === 9));
  });

  test('numbers in the order of acceptance go on where they ended', { skip }, async (t) => {
    const world = await openWorld(t, under);
    const webhook = await world.mine.webhook();
    const before = await world.mine.pending(webhook);
    const after = await (await world.reopen()).mine.pending(webhook);
    assert.ok(after.seq > before.seq);
  });
}

async function everything(world: World) {
  const { store, mine, theirs } = world;
  return {
    eventTypes: await store.listEventTypes({ limit: 100 }),
    vaultCheck: await store.vaultCheck('another'),
    withPending: await store.webhooksWithPending({ after: null, limit: 100, counts: true }),
    mine: await everythingOf(world, mine.id),
    theirs: await everythingOf(world, theirs.id),
  };
}

async function everythingOf({ store }: World, accountId: string) {
  const page = { limit: 100 };
  const { items: webhooks } = await store.listWebhooks(accountId, page);
  const { items } = await store.listDeliveries(accountId, {}, page);
  return {
    webhooks,
    targets: await Promise.all(
      webhooks.map(({ id }) => store.target({ accountId, webhookId: id })),
    ),
    subscriptions: await store.subscriptions(accountId),
    events: await store.listEvents(accountId, {}, page),
    deliveries: await Promise.all(items.map(({ id }) => store.getDelivery(accountId, id))),
  };
}
