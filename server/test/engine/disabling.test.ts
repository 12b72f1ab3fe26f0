import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Webhook, WebhookSettings } from '../../src/core/model.ts';
import type { EngineSettings } from '../../src/engine/ports.ts';
import { settled } from './support/fake-clock.ts';
import { answered, BROKEN, OK } from './support/fake-transport.ts';
import { answerOpen, expectOne, failing, withSettings } from './support/steps.ts';
import { countByStatus, openWorld, type World } from './support/world.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Attempts that fail every minute or so, without end. */
const PERSISTENT = withSettings({ retrySchedule: [0, ...Array<number>(19).fill(60_000)] });

describe('a webhook that has failed for too long', () => {
  test('is disabled with that reason, said so, and what is pending is cancelled', async (t) => {
    const { world, webhook } = await open(t, { disableAfterMs: HOUR_MS });
    world.transport.answering = () => BROKEN;
    await publishEvery(world, 10 * 60_000, 6);
    assert.equal((await stored(world, webhook)).status, 'active');
    await publishEvery(world, 10 * 60_000, 2);
    const { status, disabledReason } = await stored(world, webhook);
    assert.deepEqual([status, disabledReason], ['disabled', 'failing']);
    assert.deepEqual(world.heard.disabled, ['failing']);
    const { pending = 0, cancelled = 0 } = countByStatus(await world.deliveriesOf(webhook));
    assert.equal(pending, 0);
    assert.ok(cancelled > 0);
    const { length } = world.transport.sent;
    await world.clock.advance(DAY_MS);
    assert.equal(world.transport.sent.length, length);
  });

  test('is not disabled before ten attempts have failed', async (t) => {
    const settings = { retrySchedule: [0, 2 * HOUR_MS] };
    const { world, webhook } = await open(t, { disableAfterMs: HOUR_MS }, settings);
    world.transport.answering = () => BROKEN;
    await publishEvery(world, 3 * HOUR_MS, 1);
    await publishEvery(world, 2_000, 7);
    assert.equal(world.transport.sent.length, 9);
    assert.equal((await stored(world, webhook)).status, 'active');
    await world.publish();
    assert.equal((await stored(world, webhook)).status, 'disabled');
  });

  test('is not disabled when one delivery in between was taken', async (t) => {
    const { world, webhook } = await open(t, { disableAfterMs: HOUR_MS });
    world.transport.answering = () => BROKEN;
    await publishEvery(world, 10 * 60_000, 5);
    world.transport.answering = ({ attempt }) => (attempt === 1 ? OK : BROKEN);
    await publishEvery(world, 1_000, 1);
    world.transport.answering = () => BROKEN;
    await publishEvery(world, 10 * 60_000, 5);
    assert.equal((await stored(world, webhook)).status, 'active');
    await publishEvery(world, 10 * 60_000, 3);
    assert.equal((await stored(world, webhook)).status, 'disabled');
  });

  test('is disabled after that time also when Posthorn was restarted in between', async (t) => {
    const { world, webhook } = await open(t, { disableAfterMs: 5 * HOUR_MS });
    world.transport.answering = () => BROKEN;
    for (let restart = 0; restart < 4; restart++) {
      await publishEvery(world, 10 * 60_000, 6);
      await world.restart();
      assert.equal((await stored(world, webhook)).status, 'active');
    }
    await publishEvery(world, 10 * 60_000, 9);
    assert.deepEqual(world.heard.disabled, ['failing']);
  });

  test('is never disabled where that is switched off', async (t) => {
    const { world, webhook } = await open(t, { disableAfterMs: 0 });
    world.transport.answering = () => BROKEN;
    await publishEvery(world, HOUR_MS, 100);
    assert.equal((await stored(world, webhook)).status, 'active');
  });

  test('has its time again when its owner enables it', async (t) => {
    const { world, webhook } = await open(t, { disableAfterMs: HOUR_MS });
    world.transport.answering = () => BROKEN;
    await publishEvery(world, 10 * 60_000, 9);
    assert.equal((await stored(world, webhook)).status, 'disabled');
    await world.patch(webhook, { status: 'active', disabledReason: null });
    await publishEvery(world, 10 * 60_000, 5);
    assert.equal((await stored(world, webhook)).status, 'active');
    await publishEvery(world, 10 * 60_000, 4);
    assert.equal((await stored(world, webhook)).status, 'disabled');
  });

  test('has its time again at a new URL', async (t) => {
    const { world, webhook } = await open(t, { disableAfterMs: HOUR_MS });
    world.transport.answering = () => BROKEN;
    await publishEvery(world, 10 * 60_000, 5);
    await world.patch(webhook, { url: 'https://example.org/new' });
    await publishEvery(world, 10 * 60_000, 5);
    assert.equal((await stored(world, webhook)).status, 'active');
  });

  test('is disabled as soon as the store can write that', async (t) => {
    const { world, webhook } = await open(t, { disableAfterMs: HOUR_MS });
    world.transport.answering = () => BROKEN;
    failing(world, 'disableWebhook', 3);
    await publishEvery(world, 10 * 60_000, 9);
    assert.equal((await stored(world, webhook)).status, 'disabled');
    assert.deepEqual(world.heard.disabled, ['failing']);
  });
});

describe('a 410', () => {
  test('is a failure like any other, where nothing else is set', async (t) => {
    const { world, webhook } = await open(t);
    world.transport.answering = () => answered(410);
    await world.publish();
    assert.equal((await stored(world, webhook)).status, 'active');
    const { status, attemptCount } = expectOne(await world.deliveriesOf(webhook));
    assert.deepEqual([status, attemptCount], ['pending', 1]);
  });

  test('disables the webhook that is set so: at once, with that reason, and nothing is tried again', async (t) => {
    const { world, webhook } = await open(t, {}, { onGone: 'disable' });
    world.transport.answering = () => 'nothing';
    await world.publish(20);
    world.transport.open()[0]?.answer(answered(410));
    await settled();
    const { status, disabledReason } = await stored(world, webhook);
    assert.deepEqual([status, disabledReason], ['disabled', 'gone']);
    assert.deepEqual(world.heard.disabled, ['gone']);
    await answerOpen(world);
    await world.clock.advance(DAY_MS);
    assert.equal(world.transport.sent.length, 8);
    const counts = countByStatus(await world.deliveriesOf(webhook));
    assert.equal(counts.pending ?? 0, 0);
    assert.equal(counts.failed, 1);
  });

  test('has failed, and is not cancelled with the others, while outcomes before it are still written', async (t) => {
    const { world, webhook } = await open(t, {}, { onGone: 'disable' });
    world.transport.answering = () => 'nothing';
    await world.publish(20);
    const { promise, resolve: written } = Promise.withResolvers<void>();
    world.faults.before = (operation) => (operation === 'settle' ? promise : undefined);
    const [first, second] = world.transport.open();
    first?.answer(answered(200));
    await settled();
    const { length } = world.transport.sent;
    second?.answer(answered(410));
    await settled();
    assert.equal(world.transport.sent.length, length, 'nothing starts any more');
    assert.equal((await stored(world, webhook)).status, 'active');
    written();
    await settled();
    assert.equal((await stored(world, webhook)).status, 'disabled');
    const counts = countByStatus(await world.deliveriesOf(webhook));
    assert.deepEqual(counts, { delivered: 1, failed: 1, cancelled: 18 });
  });

  test('is retried for a webhook that is set so where others are disabled', async (t) => {
    const { world, webhook } = await open(t, { onGone: 'disable' }, { onGone: 'retry' });
    world.transport.answering = () => answered(410);
    await world.publish();
    assert.equal((await stored(world, webhook)).status, 'active');
  });

  test('of the URL before says nothing about the new one', async (t) => {
    const { world, webhook } = await open(t, {}, { onGone: 'disable' });
    world.transport.answering = () => 'nothing';
    await world.publish();
    await world.patch(webhook, { url: 'https://example.org/new' });
    await answerOpen(world, answered(410));
    assert.equal((await stored(world, webhook)).status, 'active');
  });

  test('that comes with many others disables once', async (t) => {
    const { world } = await open(t, {}, { onGone: 'disable' });
    world.transport.answering = () => 'nothing';
    await world.publish(20);
    for (const sent of world.transport.open()) sent.answer(answered(410));
    await settled();
    assert.deepEqual(world.heard.disabled, ['gone']);
  });
});

describe('a backlog that is full', () => {
  test('disables its webhook, which is said, and cancels what is pending', async (t) => {
    const { world, webhook } = await open(t, { backlogMax: 50 });
    world.transport.answering = () => 'nothing';
    await world.publish(50);
    assert.equal((await stored(world, webhook)).status, 'active');
    await world.publish(1);
    const { status, disabledReason } = await stored(world, webhook);
    assert.deepEqual([status, disabledReason], ['disabled', 'backlog_full']);
    assert.deepEqual(world.heard.disabled, ['backlog_full']);
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { cancelled: 51 });
  });

  test('is counted over a restart', async (t) => {
    const { world, webhook } = await open(t, { backlogMax: 50 });
    world.transport.answering = () => 'nothing';
    await world.publish(50);
    await world.restart();
    await world.publish(1);
    assert.equal((await stored(world, webhook)).disabledReason, 'backlog_full');
  });

  test('is counted while the webhook is paused', async (t) => {
    const { world, webhook } = await open(t, { backlogMax: 50 });
    await world.change(webhook, 'paused');
    await world.publish(51);
    assert.equal((await stored(world, webhook)).disabledReason, 'backlog_full');
  });

  test('is not what was delivered or cancelled', async (t) => {
    const { world, webhook } = await open(t, { backlogMax: 50 });
    for (let turn = 0; turn < 10; turn++) await world.publish(20);
    world.transport.answering = () => 'nothing';
    await world.publish(40);
    for (const { id: deliveryId, status, accountId } of await world.deliveriesOf(webhook)) {
      if (status !== 'pending') continue;
      await world.store.cancelDelivery({ accountId, deliveryId, reason: 'requested' });
      await world.engine.deliveryCancelled({ accountId, webhookId: webhook.id }, deliveryId);
    }
    await world.publish(50);
    assert.equal((await stored(world, webhook)).status, 'active');
  });

  test('refuses nobody else', async (t) => {
    const { world } = await open(t, { backlogMax: 10 });
    const other = await world.webhook();
    world.transport.answering = ({ url }) => (url === other.url ? OK : 'nothing');
    for (let count = 0; count < 30; count++) await world.publish();
    assert.deepEqual(countByStatus(await world.deliveriesOf(other)), { delivered: 30 });
  });
});

async function open(
  t: TestContext,
  settings: Partial<EngineSettings> = {},
  own: Partial<WebhookSettings> = PERSISTENT.settings,
): Promise<{ world: World; webhook: Webhook }> {
  const world = await openWorld(t, { settings });
  return { world, webhook: await world.webhook(withSettings(own)) };
}

async function publishEvery(world: World, ms: number, times: number): Promise<void> {
  for (let count = 0; count < times; count++) {
    await world.publish();
    await world.clock.advance(ms);
  }
}

async function stored(world: World, { accountId, id }: Webhook): Promise<Webhook> {
  return (await world.store.getWebhook(accountId, id)) ?? assert.fail('it is there');
}
