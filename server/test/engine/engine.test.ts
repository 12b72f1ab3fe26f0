import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import type { Exchange } from '../../src/core/ports.ts';
import { DOCUMENTED_SCHEDULE_MS } from '../../src/core/schedule.ts';
import { eventOf } from '../store/contract/fixtures.ts';
import { NOON, settled } from './support/fake-clock.ts';
import { BROKEN, OK, type Sent } from './support/fake-transport.ts';
import {
  answerAll,
  answerOpen,
  failing,
  keepAfter,
  keepBefore,
  testCall,
} from './support/steps.ts';
import {
  ATTEMPT_TIMEOUT_MS,
  assertSentOnce,
  countByStatus,
  openWorld,
  refOf,
  SECRET,
  type World,
} from './support/world.ts';

const DAY_MS = 86_400_000;
/** Exchanges that one webhook may have at once, and deliveries that its lane keeps in memory. */
const LANE_IN_FLIGHT = 8;
const LANE_KEPT = 512;

describe('a delivery', () => {
  test('is sent as soon as its event was published, and has ended when that is written', async (t) => {
    const world = await openWorld(t);
    const webhook = await world.webhook();
    const [eventId = ''] = await world.publish();
    const [sent, ...others] = world.transport.sent;
    assert.deepEqual(others, []);
    assert.deepEqual([sent?.url, sent?.body], [webhook.url, `{"id":"${eventId}"}`]);
    const [delivery] = await world.deliveriesOf(webhook);
    assert.equal(delivery?.status, 'delivered');
    assert.equal(delivery?.lastAttempt?.responseCode, 200);
    assert.deepEqual(
      world.heard.attempts.map(({ deliveryId, status, waitMs }) => ({
        deliveryId,
        status,
        waitMs,
      })),
      [{ deliveryId: delivery?.id, status: 'delivered', waitMs: 0 }],
    );
  });

  test('names itself in the headers and is signed over the bytes that are sent', async (t) => {
    const world = await openWorld(t);
    const webhook = await world.webhook();
    const [eventId = ''] = await world.publish();
    const [{ header, body, deliveryId } = missing()] = world.transport.sent;
    const hmac = (text: string) => createHmac('sha256', SECRET).update(text);
    const timestamp = String(NOON / 1_000);
    const wanted = {
      'content-type': 'application/json',
      'user-agent': 'Posthorn-Webhooks/1.0',
      'x-webhook-id': webhook.id,
      'x-webhook-event': 'user.created',
      'x-webhook-signature': `sha256=${hmac(body).digest('hex')}`,
      'webhook-id': eventId,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${hmac(`${eventId}.${timestamp}.${body}`).digest('base64')}`,
      'x-webhook-delivery': deliveryId,
      'x-webhook-attempt': '1',
      'x-webhook-trigger': 'schedule',
    };
    for (const [name, value] of Object.entries(wanted)) assert.equal(header(name), value, name);
  });

  test('that fails is tried again when the schedule says, and not a millisecond earlier', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => BROKEN;
    const webhook = await world.webhook();
    await world.publish();
    const attempts = DOCUMENTED_SCHEDULE_MS.length;
    for (let made = 1; made < attempts; made++) {
      assert.equal(world.transport.sent.length, made);
      const [{ dueAt, status } = missing()] = await world.deliveriesOf(webhook);
      const delay = DOCUMENTED_SCHEDULE_MS[made] ?? 0;
      assert.equal(status, 'pending');
      const wait = (dueAt ?? 0) - world.clock.now();
      assert.ok(wait >= delay && wait <= delay * 1.1, `${wait} ms after attempt ${made}`);
      await world.clock.advance(wait - 1);
      assert.equal(world.transport.sent.length, made, 'not earlier');
      await world.clock.advance(1);
    }
    assert.deepEqual(
      world.transport.sent.map(({ attempt }) => attempt),
      [1, 2, 3, 4, 5, 6],
    );
    const [delivery = missing()] = await world.deliveriesOf(webhook);
    assert.deepEqual([delivery.status, delivery.attemptCount, delivery.dueAt], ['failed', 6, null]);
    await world.clock.advance(3 * DAY_MS);
    assert.equal(world.transport.sent.length, attempts, 'after the last there is none');
  });

  test('is the same bytes and the same event on every attempt', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = ({ attempt }) => (attempt < 4 ? BROKEN : OK);
    const webhook = await world.webhook();
    await world.publish();
    await world.clock.advance(DAY_MS);
    const { sent } = world.transport;
    assert.equal(sent.length, 4);
    for (const member of ['body', 'eventId', 'deliveryId'] as const) {
      assert.equal(new Set(sent.map((one) => one[member])).size, 1, member);
    }
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { delivered: 1 });
  });

  test('that is not answered fails after the time for one exchange, and its schedule goes on', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    await world.publish();
    await world.clock.advance(ATTEMPT_TIMEOUT_MS - 1);
    assert.equal(world.transport.open().length, 1);
    await world.clock.advance(1);
    assert.equal(world.transport.open().length, 0);
    const [{ status, dueAt, lastAttempt } = missing()] = await world.deliveriesOf(webhook);
    assert.deepEqual([status, lastAttempt?.failure], ['pending', 'timeout']);
    assert.ok((dueAt ?? 0) >= NOON + ATTEMPT_TIMEOUT_MS + 60_000, 'counted from its end');
  });

  test('that is due earlier than another one of its webhook does not wait for that', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => BROKEN;
    await world.webhook();
    const [patient] = await world.publish();
    while (world.transport.sent.length < 3) await world.clock.advance(60_000);
    const [hasty] = await world.publish();
    const before = world.transport.sent.length;
    await world.clock.advance(66_000);
    const sent = world.transport.sent.slice(before).map(({ eventId }) => eventId);
    assert.deepEqual(sent, [hasty], `${patient} is due in half an hour`);
  });

  test('that is due while the wall clock is set is sent within a minute', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = ({ attempt }) => (attempt < 5 ? BROKEN : OK);
    await world.webhook();
    await world.publish();
    while (world.transport.sent.length < 4) await world.clock.advance(60_000);
    world.clock.set(world.clock.now() + 2 * 3_600_000);
    await world.clock.advance(60_000);
    assert.equal(world.transport.sent.length, 5);
  });
});

describe('a lane', () => {
  test('has at most so many exchanges at once, and starts one when one has ended', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    await world.webhook();
    await world.publish(100);
    assert.equal(world.transport.open().length, LANE_IN_FLIGHT);
    world.transport.open()[0]?.answer(OK);
    await settled();
    assert.equal(
      world.transport.sent.length,
      LANE_IN_FLIGHT + 2,
      'and its window has grown by one',
    );
    assert.equal(world.transport.open().length, LANE_IN_FLIGHT + 1);
  });

  test('that hangs keeps nobody else waiting', async (t) => {
    const world = await openWorld(t);
    const hanging = await world.webhook({ events: ['user.*'] });
    const healthy = await world.webhook({ events: ['team.*'] });
    world.transport.answering = ({ url }) => (url === hanging.url ? 'nothing' : OK);
    await world.publish(1_000, 'user.created');
    await world.publish(10, 'team.created');
    assert.deepEqual(countByStatus(await world.deliveriesOf(healthy)), { delivered: 10 });
  });

  test('that is full reads the rest from the store: each delivery is sent once, in its order', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    const eventIds = await world.publish(2_000);
    const { waiting, inFlight, lanesBehind } = world.engine.load();
    assert.ok(waiting + inFlight <= LANE_KEPT);
    assert.equal(lanesBehind, 1);
    await answerAll(world);
    assertSentOnce(world.transport, eventIds);
    assert.deepEqual(
      world.transport.sent.map(({ eventId }) => eventId),
      eventIds,
    );
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { delivered: 2_000 });
  });

  test('that is full and gets still more, in many publishes, sends each once', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    const eventIds: string[] = [];
    for (let turn = 0; turn < 60; turn++) {
      eventIds.push(...(await world.publish(1 + world.random.below(60))));
      for (const sent of world.transport.open()) if (world.random.below(2) === 0) sent.answer(OK);
      await settled();
    }
    await answerAll(world);
    assertSentOnce(world.transport, eventIds);
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), {
      delivered: eventIds.length,
    });
  });

  test('does not forget what found no room while it was being read from the store', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    await world.webhook();
    const eventIds = await world.publish(LANE_KEPT + 10);
    const reading = keepAfter(world, 'due');
    while (!reading.isReached) await answerOpen(world);
    eventIds.push(...(await world.publish(LANE_KEPT * 2)));
    assert.equal(world.engine.load().lanesBehind, 1, 'there is no room for all of it');
    reading.release();
    await answerAll(world);
    assertSentOnce(world.transport, eventIds);
  });
});

describe('a delivery that was handed over while its lane was read from the store', () => {
  test('is not sent again when it was settled before the answer came', async (t) => {
    const world = await openWorld(t);
    await world.webhook();
    world.transport.answering = () => 'nothing';
    const asking = keepBefore(world, 'due');
    await world.publish();
    assert.ok(asking.isReached);
    const [eventId = ''] = await world.publish();
    const answering = keepAfter(world, 'due');
    asking.release();
    await settled();
    assert.ok(answering.isReached, 'the answer names it');
    await answerOpen(world);
    answering.release();
    await settled();
    const sent = world.transport.sent.filter((one) => one.eventId === eventId);
    assert.equal(sent.length, 1);
  });
});

describe('a webhook that is paused', () => {
  test('sends nothing of what is published, until it is active again', async (t) => {
    const world = await openWorld(t);
    const webhook = await world.webhook();
    await world.change(webhook, 'paused');
    const eventIds = await world.publish(3);
    await world.clock.advance(DAY_MS);
    assert.deepEqual(world.transport.sent, []);
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { pending: 3 });
    await world.change(webhook, 'active');
    assertSentOnce(world.transport, eventIds);
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { delivered: 3 });
  });

  test('starts nothing of what was waiting; what is in progress may finish', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    const eventIds = await world.publish(100);
    await world.change(webhook, 'paused');
    await answerOpen(world);
    assert.equal(world.transport.sent.length, LANE_IN_FLIGHT);
    const paused = countByStatus(await world.deliveriesOf(webhook));
    assert.deepEqual(paused, { delivered: LANE_IN_FLIGHT, pending: 100 - LANE_IN_FLIGHT });
    await world.change(webhook, 'active');
    await answerAll(world);
    assertSentOnce(world.transport, eventIds);
  });

  test('does not try again either, until it is active again', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = ({ attempt }) => (attempt === 1 ? BROKEN : OK);
    const webhook = await world.webhook();
    await world.publish();
    await world.change(webhook, 'paused');
    await world.clock.advance(DAY_MS);
    assert.equal(world.transport.sent.length, 1);
    await world.change(webhook, 'active');
    assert.equal(world.transport.sent.length, 2);
  });

  test('while it has retries in the future keeps their due times', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = ({ attempt }) => (attempt === 1 ? BROKEN : OK);
    const webhook = await world.webhook();
    await world.publish();
    await world.change(webhook, 'paused');
    await world.change(webhook, 'active');
    assert.equal(world.transport.sent.length, 1);
    await world.clock.advance(59_999);
    assert.equal(world.transport.sent.length, 1);
    await world.clock.advance(7_000);
    assert.equal(world.transport.sent.length, 2);
  });
});

describe('a webhook that ends', () => {
  const ends: [how: string, end: (world: World, webhook: Hook) => Promise<void>, reason: string][] =
    [
      ['disabled', (world, webhook) => world.change(webhook, 'disabled'), 'webhook_disabled'],
      ['deleted', (world, webhook) => world.remove(webhook), 'webhook_deleted'],
    ];
  for (const [how, end, reason] of ends) {
    test(`because it is ${how} has its pending deliveries cancelled, with that reason`, async (t) => {
      const world = await openWorld(t);
      world.transport.answering = () => BROKEN;
      const webhook = await world.webhook();
      await world.publish(3);
      await end(world, webhook);
      const deliveries = await world.deliveriesOf(webhook);
      assert.deepEqual(countByStatus(deliveries), { cancelled: 3 });
      for (const { cancelReason, dueAt } of deliveries) {
        assert.deepEqual([cancelReason, dueAt], [reason, null]);
      }
      await world.clock.advance(3 * DAY_MS);
      assert.equal(world.transport.sent.length, 3);
    });

    test(`because it is ${how} starts nothing more, and keeps what comes of the exchanges in progress`, async (t) => {
      const world = await openWorld(t);
      world.transport.answering = () => 'nothing';
      const webhook = await world.webhook();
      await world.publish(100);
      await end(world, webhook);
      await answerOpen(world);
      assert.equal(world.transport.sent.length, LANE_IN_FLIGHT);
      const deliveries = await world.deliveriesOf(webhook);
      assert.deepEqual(countByStatus(deliveries), { cancelled: 100 });
      const attempted = deliveries.filter(({ lastAttempt }) => lastAttempt?.responseCode === 200);
      assert.equal(attempted.length, LANE_IN_FLIGHT);
    });

    test(`because it is ${how} has a large backlog cancelled to the last`, async (t) => {
      const world = await openWorld(t);
      world.transport.answering = () => 'nothing';
      const webhook = await world.webhook();
      await world.publish(2_500);
      await end(world, webhook);
      await settled();
      assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { cancelled: 2_500 });
    });

    test(`because it is ${how} has what a racing publish still made pending cancelled as well`, async (t) => {
      const world = await openWorld(t);
      const webhook = await world.webhook();
      await world.publish();
      await end(world, webhook);
      await world.store.publish(await raced(world, webhook));
      await settled();
      assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), {
        delivered: 1,
        cancelled: 1,
      });
    });
  }

  test('and is active again sends only what is published then', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    await world.publish(LANE_IN_FLIGHT * 2);
    await world.change(webhook, 'disabled');
    await answerOpen(world);
    await world.change(webhook, 'active');
    const [after = ''] = await world.publish();
    await answerAll(world);
    const sent = world.transport.sent.slice(LANE_IN_FLIGHT).map(({ eventId }) => eventId);
    assert.deepEqual(sent, [after]);
  });

  test('and is active again does not send what was cancelled, also not what was being read', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    await world.publish(LANE_KEPT + 10);
    const reading = keepAfter(world, 'due');
    while (!reading.isReached) await answerOpen(world);
    const sentBefore = world.transport.sent.length;
    await world.change(webhook, 'disabled');
    reading.release();
    await settled();
    await world.change(webhook, 'active');
    const [after = ''] = await world.publish();
    await answerAll(world);
    const sent = world.transport.sent.slice(sentBefore).map(({ eventId }) => eventId);
    assert.deepEqual(sent, [after]);
  });
});

describe('a changed webhook', () => {
  test('is sent to at its new URL, from the acknowledgement on', async (t) => {
    const world = await openWorld(t);
    const webhook = await world.webhook();
    await world.publish();
    const url = 'https://example.org/new';
    await world.store.updateWebhook(webhook.accountId, webhook.id, { url }, world.clock.now());
    await world.engine.webhookChanged(refOf(webhook));
    await world.publish();
    assert.deepEqual(
      world.transport.sent.map((sent) => sent.url),
      [webhook.url, url],
    );
  });

  test('that cannot be read is not acknowledged, and is read again until it can', async (t) => {
    const world = await openWorld(t);
    const webhook = await world.webhook();
    await world.publish();
    failing(world, 'target', 3);
    await assert.rejects(world.engine.webhookChanged(refOf(webhook)));
    const [eventId] = await world.publish();
    assert.equal(world.transport.sent.length, 1, 'nothing starts meanwhile');
    await world.clock.advance(10_000);
    assert.deepEqual(world.transport.sent.map((sent) => sent.eventId).slice(1), [eventId]);
  });

  test('that was disabled while the store was away has its deliveries cancelled when it is back', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => BROKEN;
    const webhook = await world.webhook();
    await world.publish(3);
    const { accountId, id } = webhook;
    await world.store.updateWebhook(accountId, id, { status: 'disabled' }, world.clock.now());
    failing(world, 'cancelPending', 2);
    await assert.rejects(world.engine.webhookChanged(refOf(webhook)));
    await world.clock.advance(10_000);
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { cancelled: 3 });
  });
});

describe('after a crash', () => {
  test('what was pending is sent: waiting, in progress and beyond what was in memory', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    const eventIds = await world.publish(1_000);
    const before = world.transport.open().length;
    world.transport.answering = () => OK;
    await world.restart();
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { delivered: 1_000 });
    const { sent } = world.transport;
    assert.equal(sent.length, eventIds.length + before, 'only what was in progress is sent twice');
    assert.deepEqual(new Set(sent.map(({ eventId }) => eventId)), new Set(eventIds));
  });

  test('what was delivered is not sent again', async (t) => {
    const world = await openWorld(t);
    await world.webhook();
    await world.publish(10);
    await world.restart();
    await world.clock.advance(DAY_MS);
    assert.equal(world.transport.sent.length, 10);
  });

  test('a retry keeps its due time', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = ({ attempt }) => (attempt === 1 ? BROKEN : OK);
    const webhook = await world.webhook();
    await world.publish();
    await world.restart();
    const [{ dueAt } = missing()] = await world.deliveriesOf(webhook);
    await world.clock.advance((dueAt ?? 0) - world.clock.now() - 1);
    assert.equal(world.transport.sent.length, 1);
    await world.clock.advance(1);
    assert.deepEqual(
      world.transport.sent.map(({ attempt }) => attempt),
      [1, 2],
    );
  });

  test('what is paused stays pending, and what was ended is cancelled', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const [paused, disabled, deleted] = [
      await world.webhook(),
      await world.webhook(),
      await world.webhook(),
    ];
    await world.publish();
    const now = world.clock.now();
    const { accountId } = paused;
    await world.store.updateWebhook(accountId, paused.id, { status: 'paused' }, now);
    await world.store.updateWebhook(accountId, disabled.id, { status: 'disabled' }, now);
    await world.store.deleteWebhook(accountId, deleted.id, now);
    await world.restart();
    await world.clock.advance(DAY_MS);
    assert.equal(world.transport.sent.length, 3, 'nothing is sent again');
    assert.deepEqual(countByStatus(await world.deliveriesOf(paused)), { pending: 1 });
    assert.deepEqual(countByStatus(await world.deliveriesOf(disabled)), { cancelled: 1 });
    assert.deepEqual(countByStatus(await world.deliveriesOf(deleted)), { cancelled: 1 });
  });

  test('the webhooks of many pages are found', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhooks = 90;
    for (let count = 0; count < webhooks; count++) await world.webhook();
    await world.publish(2);
    world.transport.answering = () => OK;
    await world.restart();
    const [event] = new Set(world.transport.sent.map(({ eventId }) => eventId));
    assert.ok(event);
    const delivered = await world.store.listDeliveries(
      world.heard.attempts[0]?.accountId ?? '',
      { status: 'delivered' },
      { limit: 1_000 },
    );
    assert.equal(delivered.items.length, webhooks * 2);
  });
});

describe('to drain', () => {
  test('starts nothing more, waits for what is in progress and writes what came of it', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    const eventIds = await world.publish(100);
    const drained = world.engine.drain(5_000);
    await answerOpen(world);
    assert.deepEqual(await drained, { abandoned: 0, unsettled: 0 });
    assert.equal(world.transport.sent.length, LANE_IN_FLIGHT);
    const counts = countByStatus(await world.deliveriesOf(webhook));
    assert.deepEqual(counts, { delivered: LANE_IN_FLIGHT, pending: 100 - LANE_IN_FLIGHT });

    world.transport.answering = () => OK;
    await world.restart();
    assertSentOnce(world.transport, eventIds);
  });

  test('gives up at the limit and tells how many exchanges it left, which stay pending', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    await world.publish(5);
    const drained = world.engine.drain(5_000);
    for (const sent of world.transport.open().slice(0, 2)) sent.answer(OK);
    await world.clock.advance(5_000);
    assert.deepEqual(await drained, { abandoned: 3, unsettled: 0 });
    const counts = countByStatus(await world.deliveriesOf(webhook));
    assert.deepEqual(counts, { delivered: 2, pending: 3 });
  });

  test('tells how many outcomes could not be written, which stay pending', async (t) => {
    const world = await openWorld(t);
    const webhook = await world.webhook();
    failing(world, 'settle', Number.POSITIVE_INFINITY);
    await world.publish(3);
    const drained = world.engine.drain(5_000);
    await world.clock.advance(10_000);
    assert.deepEqual(await drained, { abandoned: 0, unsettled: 3 });
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { pending: 3 });
  });

  test('sends no retry that falls due meanwhile, nor what is published', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => BROKEN;
    await world.webhook();
    await world.publish();
    await world.engine.drain(0);
    await world.publish();
    await world.clock.advance(DAY_MS);
    assert.equal(world.transport.sent.length, 1);
  });
});

describe('held', () => {
  test('it starts no delivery, while test calls still work', async (t) => {
    const world = await openWorld(t);
    const webhook = await world.webhook();
    world.engine.hold();
    await world.publish();
    assert.deepEqual(world.transport.sent, []);
    assert.equal((await testCall(world, webhook.id))?.status, 'delivered');
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), {
      pending: 1,
      delivered: 1,
    });
  });
});

describe('while the store', () => {
  test('is slow to write outcomes, sending goes on and each delivery is sent once', async (t) => {
    const world = await openWorld(t);
    const webhook = await world.webhook();
    const writing = keepBefore(world, 'settle');
    const eventIds = await world.publish(600);
    const { length: sent } = world.transport.sent;
    assert.ok(
      sent > 2 * LANE_IN_FLIGHT && sent < 600,
      'but not without end: a crash would repeat it',
    );
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { pending: 600 });
    assert.deepEqual(world.heard.attempts, [], 'nothing is announced before it is written');
    writing.release();
    await settled();
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { delivered: 600 });
    assertSentOnce(world.transport, eventIds);
  });

  test('cannot write outcomes, nothing new is sent; then it goes on, and nothing is sent twice', async (t) => {
    const world = await openWorld(t);
    const webhook = await world.webhook();
    failing(world, 'settle', 4);
    const eventIds = await world.publish(2);
    assert.equal(world.transport.sent.length, 2);
    eventIds.push(...(await world.publish(5)));
    await world.clock.advance(700);
    assert.equal(world.transport.sent.length, 2, 'nothing new');
    assert.equal(world.heard.settleFailed, 3);
    await world.clock.advance(300);
    assertSentOnce(world.transport, eventIds);
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { delivered: 7 });
  });

  test('cannot be read, what is due waits for it and is then sent once', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    const eventIds = await world.publish(1_000);
    failing(world, 'due', 5);
    await answerAll(world);
    assert.ok(world.transport.sent.length < 1_000);
    for (let turn = 0; turn < 10; turn++) {
      await world.clock.advance(500);
      await answerAll(world);
    }
    assertSentOnce(world.transport, eventIds);
    assert.deepEqual(countByStatus(await world.deliveriesOf(webhook)), { delivered: 1_000 });
  });

  test('cannot be read, it is asked again in time, also when the wall clock is set back', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    await world.webhook();
    const eventIds = await world.publish(1_000);
    failing(world, 'due', 1);
    await answerAll(world);
    assert.ok(world.transport.sent.length < 1_000);
    world.clock.set(0);
    await world.clock.advance(500);
    await answerAll(world);
    assertSentOnce(world.transport, eventIds);
  });

  test('does not answer where a webhook is, what was handed over waits for it', async (t) => {
    const world = await openWorld(t);
    await world.webhook();
    failing(world, 'target', 3);
    const eventIds = await world.publish(700);
    assert.deepEqual(world.transport.sent, []);
    await world.clock.advance(1_500);
    assertSentOnce(world.transport, eventIds);
  });
});

describe('a test call', () => {
  test('is one exchange past the lane, recorded with its outcome', async (t) => {
    const world = await openWorld(t);
    const webhook = await world.webhook({ status: 'paused' });
    const outcome = await testCall(world, webhook.id);
    assert.equal(outcome?.status, 'delivered');
    const [sent = missing<Sent>()] = world.transport.sent;
    assert.deepEqual([sent.header('x-webhook-trigger'), sent.attempt], ['test', 1]);
    assert.match(sent.eventId, /^evt_test_/);
    const [delivery] = await world.deliveriesOf(webhook);
    assert.deepEqual([delivery?.status, delivery?.trigger], ['delivered', 'test']);
    assert.deepEqual(delivery?.lastAttempt, outcome?.attempt);
  });

  test('that fails is not tried again', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => BROKEN;
    const webhook = await world.webhook();
    assert.equal((await testCall(world, webhook.id))?.status, 'failed');
    await world.clock.advance(DAY_MS);
    assert.equal(world.transport.sent.length, 1);
  });

  test('to a webhook that is not there is none', async (t) => {
    const world = await openWorld(t);
    const webhook = await world.webhook();
    await world.remove(webhook);
    assert.equal(await testCall(world, webhook.id), null);
    assert.equal(await testCall(world, world.newId('webhook')), null);
    assert.deepEqual(world.transport.sent, []);
  });
});

test('whatever receivers answer and owners do, each attempt is made once and everything ends', async (t) => {
  const world = await openWorld(t, { settings: { schedule: [0, 1_000, 5_000, 20_000] } });
  const { random } = world;
  const answers: readonly (Exchange | 'nothing')[] = [OK, OK, OK, BROKEN, 'nothing'];
  world.transport.answering = () => random.pick(answers);
  const webhooks = [await world.webhook(), await world.webhook(), await world.webhook()];
  let published = 0;
  for (let turn = 0; turn < 120; turn++) {
    const count = random.below(10) === 0 ? random.below(700) : random.below(5);
    if (count > 0) published += (await world.publish(count)).length;
    if (random.below(4) === 0) {
      await world.change(random.pick(webhooks), random.pick(['active', 'paused', 'active']));
    }
    await world.clock.advance(random.below(3_000));
  }
  for (const webhook of webhooks) await world.change(webhook, 'active');
  world.transport.answering = () => OK;
  await world.clock.advance(DAY_MS);

  const attempts = world.transport.sent.map(
    ({ deliveryId, attempt }) => `${deliveryId} ${attempt}`,
  );
  assert.equal(new Set(attempts).size, attempts.length, 'each attempt is made once');
  for (const webhook of webhooks) {
    const deliveries = await world.deliveriesOf(webhook);
    assert.equal(deliveries.length, published);
    const { delivered = 0, failed = 0 } = countByStatus(deliveries);
    assert.equal(delivered + failed, published, 'nothing is left pending');
  }
  const { waiting, inFlight, unsettled, lanesBehind } = world.engine.load();
  assert.deepEqual({ waiting, inFlight, unsettled, lanesBehind }, NOTHING_LEFT);
});

const NOTHING_LEFT = { waiting: 0, inFlight: 0, unsettled: 0, lanesBehind: 0 };

type Hook = Awaited<ReturnType<World['webhook']>>;

/** A publish that was matched before the webhook ended, and commits behind that. */
async function raced({ store, newId, clock }: World, { accountId, id: webhookId }: Hook) {
  const { version } = await store.subscriptions(accountId);
  const event = eventOf(accountId, newId('event'), clock.now());
  const deliveries = [{ id: newId('delivery'), webhookId }];
  return { accountId, webhooksVersion: version, events: [{ ...event, deliveries }] };
}

function missing<Item = never>(): Item {
  throw new assert.AssertionError({ message: 'there is none' });
}
