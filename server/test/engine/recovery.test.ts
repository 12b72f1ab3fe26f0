import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Recovery, Webhook } from '../../src/core/model.ts';
import { settled } from './support/fake-clock.ts';
import { BROKEN, OK } from './support/fake-transport.ts';
import { failing, sentEvents, withSettings } from './support/steps.ts';
import { countByStatus, openWorld, refOf, type World } from './support/world.ts';

const HOUR_MS = 3_600_000;

describe('a recovery', () => {
  test('sends what was missed, in its order, and is done', async (t) => {
    const { world, webhook } = await open(t);
    const missed = await miss(world, webhook, 250);
    const id = await recover(world, webhook);
    await world.clock.advance(10_000);
    assert.deepEqual(sentEvents(world), missed);
    const { status, deliveryCount, endedAt } = await read(world, id);
    assert.deepEqual([status, deliveryCount], ['done', 250]);
    assert.ok(endedAt !== null);
  });

  test('passes over what was delivered or is pending, and takes what failed', async (t) => {
    const { world, webhook } = await open(t, { retrySchedule: [0] });
    const delivered = await world.publish(1);
    world.transport.answering = () => BROKEN;
    const failed = await world.publish(1);
    world.transport.answering = () => 'nothing';
    const pending = await world.publish(1);
    const before = world.transport.sent.length;
    world.transport.answering = () => OK;
    await recover(world, webhook);
    await world.clock.advance(1_000);
    assert.deepEqual(sentEvents(world, before), failed);
    assert.equal(new Set([...delivered, ...failed, ...pending]).size, 3);
  });

  test('goes by what the webhook subscribes to today', async (t) => {
    const { world, webhook } = await open(t);
    await world.patch(webhook, { status: 'disabled' });
    await world.publish(2, 'user.created');
    const wanted = await world.publish(2, 'team.created');
    await world.patch(webhook, { status: 'active', events: ['team.*'] });
    await recover(world, webhook);
    await world.clock.advance(1_000);
    assert.deepEqual(sentEvents(world), wanted);
  });

  test('does not delay what is published meanwhile', async (t) => {
    const { world, webhook } = await open(t, { concurrencyMax: 2 });
    await miss(world, webhook, 3_000);
    // 200 a second, and so 15 s for all of it.
    world.transport.answering = (sent) => {
      world.clock.after(10, () => sent.answer(OK));
      return 'nothing';
    };
    await recover(world, webhook);
    await world.clock.advance(2_000);
    for (let turn = 0; turn < 10; turn++) {
      const [live = ''] = await world.publish();
      const publishedAt = world.clock.monotonic();
      while (!sentEvents(world).includes(live)) await world.clock.advance(10);
      const waited = world.clock.monotonic() - publishedAt;
      assert.ok(waited < 1_000, `${waited} ms`);
    }
    assert.ok(world.transport.sent.length < 2_000, 'it is not over yet');
    await world.clock.advance(30_000);
    assert.equal(world.transport.sent.length, 3_010);
  });

  test('goes on after a restart, and brings nothing back twice', async (t) => {
    const { world, webhook } = await open(t);
    const missed = await miss(world, webhook, 1_000);
    const id = await recover(world, webhook);
    for (let restart = 0; restart < 4; restart++) {
      await world.clock.advance(60);
      await world.restart();
    }
    await world.clock.advance(60_000);
    assert.equal((await read(world, id)).deliveryCount, 1_000);
    assert.deepEqual(sentEvents(world).sort(), missed.sort());
  });

  test('is cancelled when its webhook is disabled or deleted', async (t) => {
    for (const end of ['disabled', 'deleted'] as const) {
      const { world, webhook } = await open(t);
      await miss(world, webhook, 500);
      world.transport.answering = () => 'nothing';
      const id = await recover(world, webhook);
      await world.clock.advance(100);
      if (end === 'deleted') await world.remove(webhook);
      else await world.change(webhook, 'disabled');
      await world.clock.advance(1_000);
      assert.equal((await read(world, id)).status, 'cancelled');
      assert.equal(countByStatus(await world.deliveriesOf(webhook)).pending ?? 0, 0);
    }
  });

  test('waits while its webhook is paused', async (t) => {
    const { world, webhook } = await open(t);
    const missed = await miss(world, webhook, 300);
    await world.change(webhook, 'paused');
    const id = await recover(world, webhook);
    await world.clock.advance(HOUR_MS / 60);
    assert.deepEqual([(await read(world, id)).deliveryCount, sentEvents(world)], [0, []]);
    await world.change(webhook, 'active');
    await world.clock.advance(10_000);
    assert.deepEqual(sentEvents(world), missed);
  });

  test('of a receiver that fails makes little pending', async (t) => {
    const { world, webhook } = await open(t);
    await miss(world, webhook, 2_000);
    world.transport.answering = () => BROKEN;
    const id = await recover(world, webhook);
    await world.clock.advance(30_000);
    const { deliveryCount } = await read(world, id);
    assert.ok(deliveryCount <= 400, `${deliveryCount} were made`);
  });

  test('goes on when the store was away for a while', async (t) => {
    const { world, webhook } = await open(t);
    const missed = await miss(world, webhook, 300);
    failing(world, 'recoverStep', 5);
    await recover(world, webhook);
    await world.clock.advance(30_000);
    assert.deepEqual(sentEvents(world), missed);
  });

  test('goes to the end of a strict lane', async (t) => {
    const { world, webhook } = await open(t, { ordering: 'strict' });
    const missed = await miss(world, webhook, 3);
    await world.change(webhook, 'paused');
    const live = await world.publish(3);
    await world.change(webhook, 'active');
    await recover(world, webhook);
    await world.clock.advance(1_000);
    assert.deepEqual(sentEvents(world), [...live, ...missed]);
  });

  test('begins no step while Posthorn is about to stop', async (t) => {
    const { world, webhook } = await open(t);
    await miss(world, webhook, 1_000);
    const id = await recover(world, webhook);
    world.engine.hold();
    await settled();
    const { deliveryCount } = await read(world, id);
    await world.clock.advance(10_000);
    assert.equal((await read(world, id)).deliveryCount, deliveryCount);
  });
});

async function open(
  t: TestContext,
  settings: Parameters<typeof withSettings>[0] = {},
): Promise<{ world: World; webhook: Webhook }> {
  const world = await openWorld(t);
  return { world, webhook: await world.webhook(withSettings(settings)) };
}

/** Events that come while the webhook is disabled. */
async function miss(world: World, webhook: Webhook, count: number): Promise<string[]> {
  await world.change(webhook, 'disabled');
  const eventIds = await world.publish(count);
  await world.change(webhook, 'active');
  return eventIds;
}

async function recover(world: World, webhook: Webhook): Promise<string> {
  const id = world.newId('recovery');
  const { accountId, webhookId } = refOf(webhook);
  const now = world.clock.now();
  await world.store.createRecovery({
    accountId,
    id,
    webhookId,
    since: now - HOUR_MS,
    until: now + 1_000,
    status: 'running',
    deliveryCount: 0,
    createdAt: now,
    endedAt: null,
  });
  await world.engine.recoveryCreated(refOf(webhook), id);
  return id;
}

async function read(world: World, id: string): Promise<Recovery> {
  return (await world.store.getRecovery('acc_default', id)) ?? assert.fail('it is there');
}
