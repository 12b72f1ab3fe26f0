import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Webhook } from '../../src/core/model.ts';
import { settled } from './support/fake-clock.ts';
import { BROKEN, OK } from './support/fake-transport.ts';
import {
  answerAll,
  answerOne,
  expectOne,
  keepAfter,
  sentEvents,
  withSettings,
} from './support/steps.ts';
import { openWorld, refOf, type World } from './support/world.ts';

const DAY_MS = 86_400_000;

describe('a delivery that is cancelled', () => {
  test('while it waits is not sent, and those around it are', async (t) => {
    const { world, webhook } = await open(t);
    const eventIds = await world.publish(12);
    const waiting = (await world.deliveriesOf(webhook))[10];
    await cancel(world, webhook, waiting?.id ?? '');
    await answerAll(world);
    assert.deepEqual(
      sentEvents(world),
      eventIds.filter((_, index) => index !== 10),
    );
  });

  test('while it is in progress keeps its outcome, and stays cancelled', async (t) => {
    for (const answer of [OK, BROKEN]) {
      const { world, webhook } = await open(t);
      await world.publish(1);
      const { id } = expectOne(await world.deliveriesOf(webhook));
      await cancel(world, webhook, id);
      await answerOne(world, answer);
      const { status, dueAt, attemptCount, lastAttempt, cancelReason } = expectOne(
        await world.deliveriesOf(webhook),
      );
      assert.deepEqual([status, cancelReason, dueAt], ['cancelled', 'requested', null]);
      assert.equal(attemptCount, 1);
      assert.equal(lastAttempt?.failure, answer === OK ? null : 'http_status');
      await world.clock.advance(DAY_MS);
      assert.equal(world.transport.sent.length, 1);
    }
  });

  test('between two attempts is not tried again', async (t) => {
    const { world, webhook } = await open(t);
    await world.publish(1);
    await answerOne(world, BROKEN);
    const { id } = expectOne(await world.deliveriesOf(webhook));
    await cancel(world, webhook, id);
    await world.clock.advance(DAY_MS);
    assert.equal(world.transport.sent.length, 1);
  });

  test('while it is being read from the store is not sent', async (t) => {
    const { world, webhook } = await open(t);
    await world.change(webhook, 'paused');
    const [first, second] = await world.publish(2);
    const reading = keepAfter(world, 'due');
    await world.change(webhook, 'active');
    assert.ok(reading.isReached);
    const [delivery] = await world.deliveriesOf(webhook);
    await cancel(world, webhook, delivery?.id ?? '');
    reading.release();
    await settled();
    assert.notEqual(first, second);
    assert.deepEqual(sentEvents(world), [second]);
  });

  test('and could not be sent for want of descriptors does not come back', async (t) => {
    const { world, webhook } = await open(t);
    await world.publish(1);
    const { id } = expectOne(await world.deliveriesOf(webhook));
    await cancel(world, webhook, id);
    await answerOne(world, { kind: 'not_sent' });
    await world.clock.advance(DAY_MS);
    assert.equal(world.transport.sent.length, 1);
  });

  test('makes room for the next at once when it was the head of a strict lane', async (t) => {
    const { world, webhook } = await open(t, 'strict');
    const [, second] = await world.publish(2);
    await answerOne(world, BROKEN);
    const [head] = await world.deliveriesOf(webhook);
    await cancel(world, webhook, head?.id ?? '');
    assert.deepEqual(sentEvents(world, 1), [second]);
  });

  test('in a strict lane while it is in progress holds up the next until it has ended', async (t) => {
    const { world, webhook } = await open(t, 'strict');
    const [, second] = await world.publish(2);
    const [head] = await world.deliveriesOf(webhook);
    await cancel(world, webhook, head?.id ?? '');
    assert.equal(world.transport.sent.length, 1);
    await answerOne(world, BROKEN);
    assert.deepEqual(sentEvents(world, 1), [second]);
  });

  test('of a webhook that is not in memory is nobody’s work', async (t) => {
    const { world, webhook } = await open(t);
    await world.engine.deliveryCancelled(refOf(webhook), 'del_1');
    assert.equal(world.engine.load().lanes, 0);
  });
});

async function open(
  t: TestContext,
  ordering: 'none' | 'strict' = 'none',
): Promise<{ world: World; webhook: Webhook }> {
  const world = await openWorld(t);
  world.transport.answering = () => 'nothing';
  return { world, webhook: await world.webhook(withSettings({ ordering })) };
}

async function cancel(world: World, webhook: Webhook, deliveryId: string): Promise<void> {
  const { accountId } = webhook;
  await world.store.cancelDelivery({ accountId, deliveryId, reason: 'requested' });
  await world.engine.deliveryCancelled(refOf(webhook), deliveryId);
  await settled();
}
