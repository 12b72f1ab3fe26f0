import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { settled } from './support/fake-clock.ts';
import { OK } from './support/fake-transport.ts';
import { answerOpen, expectOne, sentEvents, withSettings } from './support/steps.ts';
import { countByStatus, openWorld } from './support/world.ts';

const NOT_SENT = { kind: 'not_sent' } as const;

describe('what could not be sent for want of descriptors', () => {
  test('spends no attempt, and is sent a second later', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => NOT_SENT;
    const webhook = await world.webhook();
    await world.publish(1);
    world.transport.answering = () => OK;
    await world.clock.advance(999);
    assert.equal(world.transport.sent.length, 1);
    const waiting = expectOne(await world.deliveriesOf(webhook));
    assert.deepEqual([waiting.status, waiting.attemptCount], ['pending', 0]);
    await world.clock.advance(1);
    assert.deepEqual(
      world.transport.sent.map(({ attempt }) => attempt),
      [1, 1],
    );
    assert.equal(expectOne(await world.deliveriesOf(webhook)).status, 'delivered');
    assert.equal(world.heard.attempts.length, 1);
  });

  test('keeps everything else from starting for that second', async (t) => {
    const world = await openWorld(t);
    await world.webhook({ events: ['user.*'] });
    await world.webhook({ events: ['team.*'] });
    world.transport.answering = () => NOT_SENT;
    await world.publish(1, 'user.created');
    world.transport.answering = () => OK;
    await world.publish(20, 'team.created');
    await world.clock.advance(999);
    assert.equal(world.transport.sent.length, 1);
    await world.clock.advance(1);
    assert.equal(world.transport.sent.length, 22);
  });

  test('is not held against its receiver', async (t) => {
    const world = await openWorld(t, { settings: { disableAfterMs: 1 } });
    const webhook = await world.webhook();
    world.transport.answering = () => NOT_SENT;
    await world.publish(30);
    await world.clock.advance(60_000);
    world.transport.answering = () => 'nothing';
    await world.clock.advance(1_000);
    assert.equal(world.transport.open().length, 8);
    const stored = await world.store.getWebhook(webhook.accountId, webhook.id);
    assert.equal(stored?.status, 'active');
  });

  test('and comes by the hundred is sent once each, when that is over', async (t) => {
    const world = await openWorld(t);
    const webhook = await world.webhook(withSettings({ concurrencyMax: 64 }));
    world.transport.answering = () => 'nothing';
    const eventIds = await world.publish(300);
    for (let round = 0; round < 5; round++) {
      await answerOpen(world, NOT_SENT);
      await world.clock.advance(1_000);
    }
    const before = world.transport.sent.length - world.transport.open().length;
    world.transport.answering = () => OK;
    await answerOpen(world);
    await settled();
    assert.deepEqual(sentEvents(world, before).sort(), eventIds.sort());
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { delivered: 300 });
  });

  test('of a webhook that was paused meanwhile waits until it is active', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    const [eventId] = await world.publish(1);
    await world.change(webhook, 'paused');
    await answerOpen(world, NOT_SENT);
    world.transport.answering = () => OK;
    await world.clock.advance(10_000);
    assert.equal(world.transport.sent.length, 1);
    await world.change(webhook, 'active');
    assert.deepEqual(sentEvents(world, 1), [eventId]);
  });

  test('of a webhook that was disabled and enabled meanwhile is not sent any more', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    await world.publish(1);
    await world.change(webhook, 'disabled');
    await world.change(webhook, 'active');
    await answerOpen(world, NOT_SENT);
    world.transport.answering = () => OK;
    await world.clock.advance(10_000);
    assert.equal(world.transport.sent.length, 1);
  });
});
