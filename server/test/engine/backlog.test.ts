import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Webhook } from '../../src/core/model.ts';
import { shardOf } from '../../src/core/shards.ts';
import { settled } from './support/fake-clock.ts';
import { answerAll, failing, keepBefore } from './support/steps.ts';
import { openWorld, refOf, type World } from './support/world.ts';

const MAX = 50;

describe('what another node publishes counts against what may be pending', () => {
  test('to the last one', async (t) => {
    const { world, webhook } = await open(t);
    for (const count of [20, 20, 10]) await publishElsewhere(world, webhook, count);
    assert.equal(await reasonOf(world, webhook), null);
    await publishElsewhere(world, webhook, 1);
    assert.equal(await reasonOf(world, webhook), 'backlog_full');
  });

  test('together with what is published here', async (t) => {
    const { world, webhook } = await open(t);
    await world.publish(25);
    await publishElsewhere(world, webhook, 25);
    assert.equal(await reasonOf(world, webhook), null);
    await world.publish(1);
    assert.equal(await reasonOf(world, webhook), 'backlog_full');
  });

  test('when nothing of its webhook is in memory', async (t) => {
    const { world, webhook } = await open(t);
    await world.restart();
    assert.equal(world.engine.load().lanes, 0);
    await publishElsewhere(world, webhook, MAX + 1);
    assert.equal(await reasonOf(world, webhook), 'backlog_full');
  });

  test('while the webhook is paused', async (t) => {
    const { world, webhook } = await open(t);
    await world.change(webhook, 'paused');
    await publishElsewhere(world, webhook, MAX + 1);
    assert.equal(await reasonOf(world, webhook), 'backlog_full');
  });

  test('and what is heard of twice counts once', async (t) => {
    const { world, webhook } = await open(t);
    await publishElsewhere(world, webhook, 30);
    await hear(world, webhook, 30);
    await publishElsewhere(world, webhook, 20);
    assert.equal(await reasonOf(world, webhook), null);
    await publishElsewhere(world, webhook, 1);
    assert.equal(await reasonOf(world, webhook), 'backlog_full');
  });

  for (const ending of ['delivered', 'cancelled'] as const) {
    test(`and what is heard of after it was ${ending} does not`, async (t) => {
      const { world, webhook } = await open(t);
      await publishElsewhere(world, webhook, 40);
      if (ending === 'cancelled') await cancelElsewhere(world, webhook);
      else await answerAll(world);
      await hear(world, webhook, 40);
      await answerAll(world);
      const asked = keepBefore(world, 'countPending');
      await publishElsewhere(world, webhook, MAX);
      assert.equal(asked.isReached, false, 'there is no need to ask the store');
      await publishElsewhere(world, webhook, 1);
      assert.equal(asked.isReached, true);
    });
  }
});

test('What is heard of in vain, while something else is in progress, is not counted for ever', async (t) => {
  const { world, webhook } = await open(t);
  await world.publish();
  await hear(world, webhook, 40);
  await answerAll(world);
  const asked = keepBefore(world, 'countPending');
  await publishElsewhere(world, webhook, MAX);
  assert.equal(asked.isReached, false);
});

test('What was too much already when its shard was taken is found then', async (t) => {
  const { world, webhook } = await open(t);
  const shard = shardOf(webhook.id);
  world.engine.lose([shard]);
  await world.publish(MAX + 1);
  await world.engine.own([{ shard, epoch: 2, drained: true }]);
  await settled();
  assert.equal(await reasonOf(world, webhook), 'backlog_full');
});

describe('whether too much is pending', () => {
  test('is asked one question at a time', async (t) => {
    const { world, webhook } = await open(t);
    const asked = keepBefore(world, 'countPending');
    await publishElsewhere(world, webhook, MAX + 1);
    assert.equal(asked.isReached, true);
    asked.isReached = false;
    await publishElsewhere(world, webhook, 1);
    assert.equal(asked.isReached, false);
    asked.release();
    await settled();
    assert.equal(await reasonOf(world, webhook), 'backlog_full');
  });

  test('is asked again when the store could not be read', async (t) => {
    const { world, webhook } = await open(t);
    failing(world, 'countPending', 1);
    await publishElsewhere(world, webhook, MAX + 1);
    assert.equal(await reasonOf(world, webhook), null);
    await world.clock.advance(500);
    assert.equal(await reasonOf(world, webhook), 'backlog_full');
  });

  test('is decided while the webhook is being read', async (t) => {
    const { world, webhook } = await open(t);
    const reading = keepBefore(world, 'target');
    await world.restart();
    await publishElsewhere(world, webhook, MAX + 1);
    assert.equal(reading.isReached, true);
    reading.release();
    await settled();
    assert.equal(await reasonOf(world, webhook), 'backlog_full');
  });
});

async function open(t: TestContext): Promise<{ world: World; webhook: Webhook }> {
  const world = await openWorld(t, { settings: { backlogMax: MAX } });
  const webhook = await world.webhook();
  world.transport.answering = () => 'nothing';
  return { world, webhook };
}

/** Another node commits it, and leaves word. */
async function publishElsewhere(world: World, webhook: Webhook, count: number): Promise<void> {
  const { handOver } = world.engine;
  world.engine.handOver = () => {};
  await world.publish(count);
  world.engine.handOver = handOver;
  await hear(world, webhook, count);
}

async function hear({ engine }: World, webhook: Webhook, count: number): Promise<void> {
  const webhooks = [{ ...refOf(webhook), count }];
  await engine.woken([{ id: 1, shard: shardOf(webhook.id), kind: 'pending', webhooks }]);
  await settled();
}

async function cancelElsewhere(world: World, webhook: Webhook): Promise<void> {
  for (const { id: deliveryId, accountId } of await world.deliveriesOf(webhook)) {
    await world.store.cancelDelivery({ accountId, deliveryId, reason: 'requested' });
  }
  const webhooks = [{ ...refOf(webhook), count: 1 }];
  await world.engine.woken([{ id: 1, shard: shardOf(webhook.id), kind: 'changed', webhooks }]);
  await settled();
}

async function reasonOf(world: World, { accountId, id }: Webhook): Promise<string | null> {
  const webhook = await world.store.getWebhook(accountId, id);
  return webhook?.disabledReason ?? null;
}
