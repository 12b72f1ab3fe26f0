import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { countEachTurn, settled } from './support/fake-clock.ts';
import { BROKEN, OK } from './support/fake-transport.ts';
import {
  answerAll,
  answerOne,
  answerOpen,
  expectOne,
  failing,
  keepBefore,
  withSettings,
} from './support/steps.ts';
import { countByStatus, openWorld, refOf } from './support/world.ts';

const DAY_MS = 86_400_000;
/** Lanes with nothing to do that are kept in memory. */
const KEPT = 10_000;

describe('a lane is forgotten', () => {
  test('when its webhook was deleted or disabled and nothing of it is in progress', async (t) => {
    const world = await openWorld(t);
    for (const end of ['delete', 'disable'] as const) {
      const webhook = await world.webhook();
      world.transport.answering = () => 'nothing';
      await world.publish(20);
      if (end === 'delete') await world.remove(webhook);
      else await world.change(webhook, 'disabled');
      assert.equal(world.engine.load().lanes, 1, 'what is in progress has to be settled');
      await answerOpen(world);
      assert.equal(world.engine.load().lanes, 0);
      assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { cancelled: 20 });
    }
  });

  test('when its webhook is deleted that has never sent anything', async (t) => {
    const world = await openWorld(t);
    await world.remove(await world.webhook());
    assert.equal(world.engine.load().lanes, 0);
  });

  test('when the last page of its backlog is cancelled, and not before', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    await world.change(webhook, 'paused');
    await world.publish(2_500);
    await world.change(webhook, 'disabled');
    await settled();
    assert.equal(world.engine.load().lanes, 0);
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { cancelled: 2_500 });
  });

  test('not before its deliveries could be cancelled, and does not come back beside another', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    await world.publish(8);
    failing(world, 'cancelPending', 1);
    await assert.rejects(world.change(webhook, 'disabled'));
    await answerOpen(world);
    await world.change(webhook, 'active');
    await world.publish(200);
    await world.clock.advance(500);
    await answerAll(world);
    assert.equal(new Set(world.transport.sent.map(({ deliveryId }) => deliveryId)).size, 208);
    assert.equal(world.transport.sent.length, 208);
    assert.equal(world.engine.load().lanes, 1);
  });

  test('not while a rate is counted, which a clock that is set would lose', async (t) => {
    const world = await openWorld(t);
    const rateLimit = { max: 3, perMs: 60_000 };
    const webhook = await world.webhook(withSettings({ rateLimit }));
    await world.publish(3);
    await world.change(webhook, 'disabled');
    world.clock.set(world.clock.now() + DAY_MS);
    await world.change(webhook, 'active');
    await world.publish(1);
    await world.clock.advance(60_000);
    assert.equal(world.transport.sent.length, 3);
    await world.clock.advance(1_000);
    assert.equal(world.transport.sent.length, 4);
  });

  test('with a retry that was due while it was being cancelled', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    await world.publish(1);
    const cancelling = keepBefore(world, 'cancelPending');
    const removed = world.remove(webhook);
    await settled();
    await answerOne(world, BROKEN);
    cancelling.release();
    await removed;
    await world.clock.advance(DAY_MS);
    assert.equal(world.engine.load().lanes, 0);
    assert.equal(world.engine.load().lanesBehind, 0);
    assert.equal(world.transport.sent.length, 1);
  });

  test('when it has rested longest and too many rest, but never while something of it is due', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = ({ attempt }) => (attempt === 1 ? BROKEN : OK);
    const retried = await world.webhook({ events: ['team.*'] });
    await world.publish(1, 'team.created');
    // Calls that come again, with their idempotency key, are counted again.
    for (const deliveryId of ['del_1', 'del_2', 'del_3']) {
      await world.engine.deliveryCancelled(refOf(retried), deliveryId);
    }
    world.transport.answering = () => OK;
    const others = await Promise.all(
      Array.from({ length: KEPT + 50 }, () => world.webhook({ events: ['user.*'] })),
    );
    for (let round = 1; round <= 2; round++) {
      await world.publish(1, 'user.created');
      await settled();
      assert.equal(world.transport.sent.length, 1 + round * others.length);
      assert.equal(world.engine.load().lanes, KEPT + 1);
    }
    await world.clock.advance(DAY_MS);
    assert.equal(expectOne(await world.deliveriesOf(retried)).status, 'delivered');
    assert.deepEqual(world.heard.unheard, []);
  });
});

describe('what all lanes keep in memory', () => {
  test('has a bound, and everything is sent all the same', async (t) => {
    const world = await openWorld(t, { settings: { inFlightMax: 60 } });
    world.transport.answering = () => 'nothing';
    for (let count = 0; count < 80; count++) await world.webhook();
    const published = (await world.publish(500)).length;
    const { waiting } = world.engine.load();
    assert.ok(waiting <= 32_768, `${waiting} wait in memory`);
    world.transport.answering = () => OK;
    await answerAll(world);
    await world.clock.advance(5_000);
    assert.equal(world.transport.sent.length, published * 80);
    assert.equal(new Set(world.transport.sent.map((one) => one.deliveryId)).size, published * 80);
    assert.deepEqual(world.heard.unheard, []);
    assert.equal(world.engine.load().waiting, 0);
  });

  test('is given up by those that cannot send, and read again when they can', async (t) => {
    const world = await openWorld(t, { settings: { inFlightMax: 600 } });
    const hanging = await Promise.all(
      Array.from({ length: 70 }, () => world.webhook({ events: ['team.*'] })),
    );
    const healthy = await world.webhook({ events: ['user.*'] });
    await world.publish(1, 'team.created');
    world.transport.answering = ({ url }) => (url === healthy.url ? OK : 'nothing');
    await world.publish(512, 'team.created');
    const { waiting, lanesBehind } = world.engine.load();
    assert.ok(waiting > 20_000 && waiting <= 32_768, `${waiting} wait in memory`);
    assert.ok(lanesBehind > 0, 'some have given it up');
    await world.publish(512, 'user.created');
    await world.publish(512, 'user.created');
    assert.deepEqual(countByStatus(await world.deliveriesOf(healthy)), { delivered: 1_024 });
    world.transport.answering = () => OK;
    await answerAll(world);
    await world.clock.advance(5_000);
    assert.equal(world.transport.sent.length, 1_024 + 513 * hanging.length);
  });
});

test('many that can start at once do so in several turns of the event loop', async (t) => {
  const world = await openWorld(t);
  for (let count = 0; count < 200; count++) await world.webhook();
  await world.publish();
  world.transport.answering = () => 'nothing';
  const perTurn = countEachTurn(() => world.transport.open().length);
  await world.publish();
  assert.deepEqual(perTurn(), [32, 32, 32, 32, 32, 32, 8]);
});

test('many dead webhooks together get ten probes in fifty milliseconds', async (t) => {
  const world = await openWorld(t);
  for (let count = 0; count < 100; count++) await world.webhook({}, 'failing');
  world.transport.answering = () => BROKEN;
  await world.publish(20);
  const sentUntil: number[] = [];
  for (let step = 0; step < 4; step++) {
    sentUntil.push(world.transport.sent.length);
    await world.clock.advance(50);
  }
  assert.deepEqual(sentUntil, [10, 20, 30, 40]);
  const webhooks = new Set(world.transport.sent.map(({ url }) => url));
  assert.equal(webhooks.size, world.transport.sent.length, 'each has its turn before any has two');
});
