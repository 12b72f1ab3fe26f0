import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answered, BROKEN, OK } from './support/fake-transport.ts';
import { answerOpen, failing, keepAfter, withSettings } from './support/steps.ts';
import { assertSentOnce, countByStatus, openWorld, refOf } from './support/world.ts';

test('a drained engine has no timer left, whatever waited', async (t) => {
  const world = await openWorld(t);
  const held = await world.webhook({ events: ['user.created'] });
  const rated = await world.webhook(withSettings({ rateLimit: { max: 1, perMs: 3_600_000 } }));
  await world.webhook(withSettings({ ordering: 'strict' }));
  const paused = await world.webhook();
  await world.change(paused, 'paused');
  world.transport.answering = ({ url }) =>
    url === held.url ? answered(429, '600') : url === rated.url ? OK : BROKEN;
  await world.publish(20);
  await world.clock.advance(3_000);
  const now = world.clock.now();
  const id = world.newId('recovery');
  const span = { since: now - 10_000, until: now };
  await world.store.createRecovery({
    ...refOf(paused),
    ...span,
    id,
    status: 'running',
    deliveryCount: 0,
    createdAt: now,
    endedAt: null,
  });
  await world.engine.recoveryCreated(refOf(paused), id);
  assert.deepEqual(await world.engine.drain(1_000), { abandoned: 0, unsettled: 0 });
  // A step of the recovery that is about to be looked at finds that it is over.
  await world.clock.advance(500);
  assert.equal(world.clock.timers, 0);
});

test('a drain writes what is known of receivers', async (t) => {
  const world = await openWorld(t);
  const webhook = await world.webhook({}, 'new');
  await world.publish(1);
  await world.engine.drain(1_000);
  const target = await world.store.target(refOf(webhook));
  assert.equal(target?.memory?.health, 'proven');
});

test('a drain during a read from the store loses nothing', async (t) => {
  const world = await openWorld(t);
  const webhook = await world.webhook();
  await world.change(webhook, 'paused');
  const eventIds = await world.publish(100);
  const reading = keepAfter(world, 'due');
  await world.change(webhook, 'active');
  assert.deepEqual(await world.engine.drain(1_000), { abandoned: 0, unsettled: 0 });
  reading.release();
  await world.clock.advance(60_000);
  assert.deepEqual(world.transport.sent, []);
  await world.restart();
  assertSentOnce(world.transport, eventIds);
});

test('a drain while the store cannot be written for a moment loses nothing', async (t) => {
  const world = await openWorld(t);
  world.transport.answering = () => 'nothing';
  const webhook = await world.webhook();
  const eventIds = await world.publish(20);
  failing(world, 'settle', 3);
  const drained = world.engine.drain(10_000);
  await answerOpen(world);
  await world.clock.advance(2_000);
  assert.deepEqual(await drained, { abandoned: 0, unsettled: 0 });
  world.transport.answering = () => OK;
  await world.restart();
  assertSentOnce(world.transport, eventIds);
  assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { delivered: 20 });
});
