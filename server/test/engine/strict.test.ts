import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Webhook } from '../../src/core/model.ts';
import { settled } from './support/fake-clock.ts';
import { answered, BROKEN, OK } from './support/fake-transport.ts';
import {
  answerAll,
  answerOne,
  answerOpen,
  expectOne,
  failing,
  keepAfter,
  keepBefore,
  sentEvents,
  withSettings,
} from './support/steps.ts';
import { assertSentOnce, countByStatus, openWorld, type World } from './support/world.ts';

const DAY_MS = 86_400_000;
const STRICT = withSettings({ ordering: 'strict', retrySchedule: [0, 60_000] });

describe('a strict lane', () => {
  test('has one exchange in progress, in the order of acceptance', async (t) => {
    const { world } = await open(t);
    const eventIds = [...(await world.publish(5)), ...(await world.publish(3))];
    for (const eventId of eventIds) {
      assert.equal((await answerOne(world)).eventId, eventId);
    }
    assertSentOnce(world.transport, eventIds);
  });

  test('keeps the order of a backlog larger than what is in memory', async (t) => {
    const { world } = await open(t);
    const eventIds = await world.publish(150);
    world.transport.answering = () => OK;
    await answerAll(world);
    assert.deepEqual(sentEvents(world), eventIds);
  });

  test('keeps the order of what is published while it is read from the store', async (t) => {
    const { world } = await open(t);
    const reading = keepAfter(world, 'due');
    const eventIds = await world.publish(2);
    assert.ok(reading.isReached);
    eventIds.push(...(await world.publish(2)));
    reading.release();
    await settled();
    await answerAll(world);
    assert.deepEqual(sentEvents(world), eventIds);
  });

  test('starts the next only when the settlement of the one before has committed', async (t) => {
    const { world } = await open(t);
    await world.publish(2);
    const settling = keepBefore(world, 'settle');
    await answerOne(world);
    assert.ok(settling.isReached);
    assert.equal(world.transport.sent.length, 1);
    settling.release();
    await settled();
    assert.equal(world.transport.sent.length, 2);
  });

  test('waits with its head for the retry, however many are behind', async (t) => {
    const { world, webhook } = await open(t);
    const [head, ...others] = await world.publish(4);
    await answerOne(world, BROKEN);
    const { dueAt } = (await world.deliveriesOf(webhook))[0] ?? assert.fail();
    await world.publish(1);
    await world.clock.advance((dueAt ?? 0) - world.clock.now() - 1);
    assert.equal(world.transport.sent.length, 1);
    await world.clock.advance(1);
    assert.deepEqual(sentEvents(world), [head, head]);
    assert.equal(world.transport.sent[1]?.attempt, 2);
    await answerOne(world);
    assert.deepEqual(sentEvents(world, 2), others.slice(0, 1));
  });

  test('whose head fails holds up nobody else', async (t) => {
    const { world, webhook } = await open(t);
    const other = await world.webhook();
    world.transport.answering = ({ url }) => (url === webhook.url ? BROKEN : OK);
    const eventIds = await world.publish(20);
    const sent = world.transport.sent.filter(({ url }) => url === other.url);
    assert.deepEqual(
      sent.map(({ eventId }) => eventId),
      eventIds,
    );
  });

  test('goes on behind a head that has finally failed, and says so', async (t) => {
    const { world, webhook } = await open(t);
    const [head, next] = await world.publish(2);
    await answerOne(world, BROKEN);
    assert.deepEqual(world.heard.headsFailed, []);
    await world.clock.advance(70_000);
    await answerOne(world, BROKEN);
    assert.deepEqual(sentEvents(world), [head, head, next]);
    const [failed] = await world.deliveriesOf(webhook);
    assert.equal(failed?.status, 'failed');
    assert.deepEqual(world.heard.headsFailed, [failed?.id]);
  });

  test('says nothing of a head that was delivered or cancelled', async (t) => {
    const { world, webhook } = await open(t);
    await world.publish(2);
    await answerOne(world);
    await world.change(webhook, 'disabled');
    await answerOpen(world, answered(410));
    assert.deepEqual(world.heard.headsFailed, []);
  });

  test('sends a redelivery behind what was published before it', async (t) => {
    const { world, webhook } = await open(t);
    const [first = ''] = await world.publish(1);
    await answerOne(world);
    const { id: deliveryId, accountId } = expectOne(await world.deliveriesOf(webhook));
    const before = await world.publish(3);
    const newId = world.newId('delivery');
    const createdAt = world.clock.now();
    await world.store.redeliver({ accountId, deliveryId, newId, createdAt });
    const [behind] = await world.publish(1);
    await answerAll(world);
    assert.deepEqual(sentEvents(world), [first, ...before, first, behind]);
  });

  test('keeps its order over a crash, and repeats the head at most', async (t) => {
    const { world } = await open(t);
    const eventIds = await world.publish(5);
    await answerOne(world);
    await world.restart();
    assert.deepEqual(sentEvents(world, 1), [eventIds[1], eventIds[1]]);
    world.transport.answering = () => OK;
    world.transport.sent[2]?.answer(OK);
    await settled();
    assert.deepEqual(sentEvents(world, 3), eventIds.slice(2));
  });

  test('waits for the retry of its head over a clean restart, too', async (t) => {
    const { world } = await open(t);
    const eventIds = await world.publish(3);
    await answerOne(world, BROKEN);
    await world.restartCleanly();
    await world.clock.advance(59_999);
    assert.equal(world.transport.sent.length, 1);
    world.transport.answering = () => OK;
    await world.clock.advance(7_000);
    assert.deepEqual(sentEvents(world, 1), eventIds);
  });

  test('with a new URL waits for what is in progress at the one before', async (t) => {
    const { world, webhook } = await open(t);
    const [head, next] = await world.publish(3);
    await world.patch(webhook, { url: 'https://example.org/new' });
    assert.equal(world.transport.sent.length, 1);
    await answerOne(world, BROKEN);
    assert.equal(world.transport.sent.length, 1);
    await world.clock.advance(70_000);
    await answerOne(world);
    assert.deepEqual(sentEvents(world), [head, head, next]);
  });

  test('goes on behind a head that was cancelled', async (t) => {
    const { world, webhook } = await open(t);
    const [, next] = await world.publish(2);
    await answerOne(world, BROKEN);
    const [head] = await world.deliveriesOf(webhook);
    await cancel(world, head?.id ?? '', webhook);
    assert.deepEqual(sentEvents(world, 1), [next]);
  });

  test('that was paused while its head waited goes on with the head', async (t) => {
    const { world, webhook } = await open(t);
    const eventIds = await world.publish(3);
    await answerOne(world, BROKEN);
    await world.change(webhook, 'paused');
    await world.clock.advance(DAY_MS);
    assert.equal(world.transport.sent.length, 1);
    world.transport.answering = () => OK;
    await world.change(webhook, 'active');
    assert.deepEqual(sentEvents(world, 1), eventIds);
  });

  test('that was paused while its head was in progress goes on with the head', async (t) => {
    const { world, webhook } = await open(t);
    const eventIds = await world.publish(3);
    await world.change(webhook, 'paused');
    await answerOne(world, BROKEN);
    world.transport.answering = () => OK;
    await world.change(webhook, 'active');
    assert.equal(world.transport.sent.length, 1, 'its retry is not due');
    await world.clock.advance(70_000);
    assert.deepEqual(sentEvents(world, 1), eventIds);
  });

  test('keeps its order while the store cannot be read or written', async (t) => {
    const { world } = await open(t);
    failing(world, 'due', 2);
    const eventIds = await world.publish(3);
    await world.clock.advance(2_000);
    failing(world, 'settle', 2);
    for (let turn = 0; turn < 10; turn++) {
      await answerOpen(world);
      await world.clock.advance(300);
    }
    assert.deepEqual(sentEvents(world), eventIds);
  });

  test('keeps its order when its receiver is out of reach for us', async (t) => {
    const { world } = await open(t);
    const eventIds = await world.publish(3);
    await answerOne(world, { kind: 'not_sent' });
    world.transport.answering = () => OK;
    await world.clock.advance(1_000);
    assert.deepEqual(sentEvents(world, 1), eventIds);
  });

  test('keeps its order whatever is answered, published and restarted', async (t) => {
    const { world, webhook } = await open(t, 'proven', [0, 500, 2_000]);
    const { random } = world;
    const eventIds: string[] = [];
    for (let turn = 0; turn < 60; turn++) {
      const published = random.below(4);
      if (published > 0) eventIds.push(...(await world.publish(published)));
      await answerOpen(world, random.pick([OK, OK, BROKEN]));
      await world.clock.advance(random.below(1_500));
      if (random.below(10) === 0) {
        world.engine.hold();
        await answerOpen(world);
        await world.restartCleanly();
      }
      if (random.below(10) === 0) await world.patch(webhook, { description: `${turn}` });
      assert.ok(world.transport.open().length <= 1);
    }
    world.transport.answering = () => OK;
    await answerAll(world);
    await world.clock.advance(DAY_MS);
    const firsts = sentEvents(world).filter((id, at, all) => all.indexOf(id) === at);
    assert.deepEqual(firsts, eventIds);
    const grouped = sentEvents(world).filter((id, at, all) => all[at - 1] !== id);
    assert.deepEqual(grouped, eventIds, 'nothing is sent between the attempts of another');
  });
});

describe('a lane that becomes strict', () => {
  test('first ends what has failed before, in its order', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook(
      withSettings({ retrySchedule: [0, 60_000], concurrencyMax: 3 }),
    );
    const eventIds = await world.publish(5);
    const [, second, third] = world.transport.open();
    second?.answer(BROKEN);
    third?.answer(BROKEN);
    await settled();
    await world.patch(webhook, { settings: { ordering: 'strict' } });
    world.transport.answering = () => OK;
    await answerOpen(world);
    const before = world.transport.sent.length;
    await world.clock.advance(DAY_MS);
    const rest = eventIds.filter((id) => !sentEvents(world).slice(0, before).includes(id));
    assert.deepEqual(sentEvents(world, before), [eventIds[1], eventIds[2], ...rest]);
  });

  test('takes what fails then for its head, the oldest first', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook(withSettings({ retrySchedule: [0, 60_000] }));
    const eventIds = await world.publish(12);
    await world.patch(webhook, { settings: { ordering: 'strict' } });
    assert.equal(world.transport.open().length, 8, 'what is in progress may finish');
    for (const sent of world.transport.open()) {
      sent.answer(sent.eventId === eventIds[3] || sent.eventId === eventIds[5] ? BROKEN : OK);
      await settled();
    }
    assert.equal(world.transport.sent.length, 8);
    world.transport.answering = () => OK;
    await world.clock.advance(DAY_MS);
    assert.deepEqual(sentEvents(world, 8), [eventIds[3], eventIds[5], ...eventIds.slice(8)]);
  });

  test('does not take what was read for another order', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook(withSettings({ retrySchedule: [0, 60_000] }));
    const [first] = await world.publish(1);
    await answerOne(world, BROKEN);
    await world.change(webhook, 'paused');
    const others = await world.publish(3);
    const reading = keepAfter(world, 'due');
    await world.change(webhook, 'active');
    assert.ok(reading.isReached);
    await world.patch(webhook, { settings: { ordering: 'strict' } });
    reading.release();
    world.transport.answering = () => OK;
    await settled();
    await world.clock.advance(70_000);
    assert.deepEqual(sentEvents(world, 1), [first, ...others]);
  });
});

describe('a lane that is not strict any more', () => {
  test('sends what was behind the head, and the head when it is due', async (t) => {
    const { world, webhook } = await open(t);
    const [head, ...others] = await world.publish(4);
    await answerOne(world, BROKEN);
    world.transport.answering = () => OK;
    await world.patch(webhook, { settings: { ordering: 'none' } });
    assert.deepEqual(sentEvents(world, 1), others);
    await world.clock.advance(70_000);
    assert.deepEqual(sentEvents(world, 4), [head]);
  });

  test('does not send a retry early that was read for the order', async (t) => {
    const { world, webhook } = await open(t);
    await world.publish(1);
    await answerOne(world, BROKEN);
    await world.change(webhook, 'paused');
    const reading = keepAfter(world, 'due');
    await world.change(webhook, 'active');
    assert.ok(reading.isReached);
    await world.patch(webhook, { settings: { ordering: 'none' } });
    reading.release();
    await settled();
    await world.clock.advance(50_000);
    assert.equal(world.transport.sent.length, 1);
    await world.clock.advance(20_000);
    assert.equal(world.transport.sent.length, 2);
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { pending: 1 });
  });
});

/** A strict webhook whose receiver answers nothing by itself. */
async function open(
  t: TestContext,
  health: 'proven' | 'new' = 'proven',
  retrySchedule: readonly number[] = STRICT.settings.retrySchedule ?? [],
): Promise<{ world: World; webhook: Webhook }> {
  const world = await openWorld(t);
  world.transport.answering = () => 'nothing';
  const fields = withSettings({ ordering: 'strict', retrySchedule });
  return { world, webhook: await world.webhook(fields, health) };
}

async function cancel(world: World, deliveryId: string, webhook: Webhook): Promise<void> {
  const { accountId, id: webhookId } = webhook;
  await world.store.cancelDelivery({ accountId, deliveryId, reason: 'requested' });
  await world.engine.deliveryCancelled({ accountId, webhookId }, deliveryId);
  await settled();
}
