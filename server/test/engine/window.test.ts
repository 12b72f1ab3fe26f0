import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { LaneHealth, Webhook, WebhookSettings } from '../../src/core/model.ts';
import { settled } from './support/fake-clock.ts';
import { answered, BROKEN, OK, type Sent } from './support/fake-transport.ts';
import { answerAll, answerOne, answerOpen, withSettings } from './support/steps.ts';
import { countByStatus, openWorld, type World } from './support/world.ts';

describe('a webhook that was never tried', () => {
  test('gets one delivery at first, and eight at once after it took that', async (t) => {
    const { world } = await open(t, 'new');
    await world.publish(50);
    assert.equal(world.transport.open().length, 1);
    await answerOne(world);
    assert.equal(world.transport.open().length, 8);
  });

  test('gets up to its maximum while it takes what it gets', async (t) => {
    const { world } = await open(t, 'new');
    await world.publish(600);
    let most = 0;
    while (world.transport.open().length > 0) {
      most = Math.max(most, world.transport.open().length);
      world.transport.open()[0]?.answer(OK);
      await settled();
    }
    assert.equal(most, 64);
    assert.equal(world.transport.sent.length, 600);
  });

  test('gets no more at once because there was little to send', async (t) => {
    const { world } = await open(t, 'proven');
    for (let turn = 0; turn < 50; turn++) {
      await world.publish(3);
      await answerAll(world);
    }
    await world.publish(100);
    assert.equal(world.transport.open().length, 8);
  });
});

describe('concurrency_max', () => {
  for (const concurrencyMax of [1, 3, 200]) {
    test(`of ${concurrencyMax} is the most that a receiver gets at once, and it gets that`, async (t) => {
      const { world } = await open(t, 'proven', { concurrencyMax });
      await world.publish(800);
      let most = 0;
      while (world.transport.open().length > 0) {
        most = Math.max(most, world.transport.open().length);
        world.transport.open()[0]?.answer(OK);
        await settled();
      }
      assert.equal(most, concurrencyMax);
    });
  }

  test('that is lowered holds from the next exchange on', async (t) => {
    const { world, webhook } = await open(t, 'proven');
    await world.publish(50);
    await world.patch(webhook, { settings: { concurrencyMax: 2 } });
    assert.equal(world.transport.open().length, 8);
    for (let left = 8; left > 2; left--) {
      world.transport.open()[0]?.answer(OK);
      await settled();
      assert.equal(world.transport.open().length, left - 1);
    }
    world.transport.open()[0]?.answer(OK);
    await settled();
    assert.equal(world.transport.open().length, 2);
  });

  test('that is raised holds at once', async (t) => {
    const { world, webhook } = await open(t, 'proven', { concurrencyMax: 2 });
    await world.publish(50);
    assert.equal(world.transport.open().length, 2);
    await world.patch(webhook, { settings: { concurrencyMax: 5 } });
    assert.equal(world.transport.open().length, 5);
  });
});

describe('a receiver that struggles', () => {
  test('gets half as many once for all that was in progress, however many of them fail', async (t) => {
    const { world } = await open(t, 'proven');
    await world.publish(100);
    const before = world.transport.open();
    await world.clock.advance(10);
    for (const sent of before) {
      sent.answer(BROKEN);
      await settled();
    }
    assert.equal(world.transport.open().length, 4);
  });

  test('is not halved by one kind of event that it never takes', async (t) => {
    const world = await openWorld(t);
    await world.webhook();
    const slow = asLongAs(world, 50, (sent) => (isPoisonous(sent) ? BROKEN : OK));
    for (let turn = 0; turn < 100; turn++) {
      await world.publish(1, 'team.created');
      await world.publish(10, 'user.created');
      await world.clock.advance(25);
    }
    await world.clock.advance(2_000);
    assert.ok(slow.most >= 8, `it has had ${slow.most} at once`);
    const ended = world.heard.attempts.filter(({ status }) => status === 'delivered');
    assert.equal(ended.length, 1_000, 'the others do not wait');
  });

  for (const [what, answer] of [
    ['429', answered(429)],
    ['503', answered(503)],
    ['408', answered(408)],
    ['a broken connection', { kind: 'failure', failure: 'connection_reset', note: null }],
  ] as const) {
    test(`by ${what} is probed: one at a time`, async (t) => {
      const { world } = await open(t, 'proven');
      await world.publish(100);
      for (let round = 0; round < 5; round++) {
        await world.clock.advance(1_000);
        await answerOpen(world, answer);
      }
      await world.clock.advance(1_000);
      assert.equal(world.transport.open().length, 1);
    });
  }

  for (const status of [400, 401, 404, 410, 422]) {
    test(`is not what one is that answers ${status}`, async (t) => {
      const { world } = await open(t, 'proven');
      await world.publish(100);
      for (let round = 0; round < 5; round++) await answerOpen(world, answered(status));
      assert.equal(world.transport.open().length, 8);
    });
  }
});

describe('a failing lane', () => {
  test('probes with what was never tried at least once a second, and does not burn its backlog', async (t) => {
    const { world, webhook } = await open(t, 'failing');
    world.transport.answering = () => BROKEN;
    await world.publish(500);
    await world.clock.advance(60_000);
    const first = world.transport.sent.filter(({ attempt }) => attempt === 1);
    assert.ok(first.length >= 60 && first.length <= 65, `${first.length} in a minute`);
    assert.equal(countByStatus(await world.deliveriesOf(webhook)).pending, 500);
  });

  test('is tried again on its schedule, however many are due at once', async (t) => {
    const { world } = await open(t, 'failing', { retrySchedule: [0, 10_000, 10_000] });
    world.transport.answering = () => BROKEN;
    await world.publish(20);
    await world.clock.advance(60_000);
    const ends = new Map<string, number>();
    for (const { deliveryId, attempt } of world.heard.attempts) {
      const before = ends.get(`${deliveryId} ${attempt.number - 1}`);
      if (before !== undefined) {
        const waited = attempt.startedAt - before;
        assert.ok(waited >= 10_000 && waited <= 11_100, `${waited} ms`);
      }
      ends.set(`${deliveryId} ${attempt.number}`, attempt.startedAt);
    }
  });

  test('does not hurry through retries that are overdue', async (t) => {
    const { world, webhook } = await open(t, 'failing', { retrySchedule: [0, 30_000, 600_000] });
    world.transport.answering = () => BROKEN;
    await world.publish(20);
    await world.clock.advance(25_000);
    await world.patch(webhook, { status: 'paused' });
    await world.clock.advance(60_000);
    const before = world.transport.sent.length;
    assert.equal(before, 20);
    await world.patch(webhook, { status: 'active' });
    await world.clock.advance(10_000);
    const tried = world.transport.sent.length - before;
    assert.ok(tried >= 8 && tried <= 12, `${tried} of 20 in ten seconds`);
  });

  test('is at full speed a moment after its receiver is back, with all of its backlog', async (t) => {
    const { world, webhook } = await open(t, 'failing');
    world.transport.answering = () => BROKEN;
    await world.publish(1_000);
    await world.clock.advance(20_000);
    asLongAs(world, 10, () => OK);
    await world.clock.advance(3_000);
    const { delivered = 0 } = countByStatus(await world.deliveriesOf(webhook));
    assert.ok(delivered >= 970, `${delivered} of 1,000; the others wait for their schedule`);
  });

  test('that hangs has one exchange, however many are published', async (t) => {
    const { world } = await open(t, 'failing');
    for (let turn = 0; turn < 20; turn++) {
      await world.publish(50);
      await world.clock.advance(500);
      assert.equal(world.transport.open().length, 1);
    }
  });

  test('is known to be one after a restart', async (t) => {
    const { world } = await open(t, 'proven');
    world.transport.answering = () => BROKEN;
    await world.publish(40);
    await world.clock.advance(10_000);
    await world.restart();
    world.transport.answering = () => 'nothing';
    await world.clock.advance(120_000);
    assert.ok(world.transport.open().length <= 1);
  });

  test('waits for failing ones only, and not for them any more when it is well', async (t) => {
    const world = await openWorld(t, { settings: { inFlightMax: 24 } });
    const hanging = [
      await world.webhook({ events: ['team.*'] }, 'failing'),
      await world.webhook({ events: ['team.*'] }, 'failing'),
    ].map(({ url }) => url);
    await world.webhook({ events: ['user.*'] });
    world.transport.answering = () => 'nothing';
    await world.publish(5, 'team.created');
    assert.equal(world.transport.open().length, 2, 'as many as may be of failing ones');
    const ours = () => world.transport.open().filter(({ url }) => !hanging.includes(url));
    await world.publish(3, 'user.created');
    ours()[0]?.answer(BROKEN);
    await settled();
    await world.publish(10, 'user.created');
    assert.equal(ours().length, 2, 'it is one of the failing now');
    ours()[0]?.answer(OK);
    await settled();
    assert.equal(ours().length, 8);
  });
});

describe('a new URL', () => {
  test('does not wait for what hangs at the one before', async (t) => {
    const { world, webhook } = await open(t, 'proven');
    await world.publish(20);
    assert.equal(world.transport.open().length, 8);
    const url = 'https://example.org/new';
    world.transport.answering = (sent) => (sent.url === url ? OK : 'nothing');
    await world.patch(webhook, { url });
    assert.equal(world.transport.sent.filter((sent) => sent.url === url).length, 12);
  });

  test('is not judged by how the one before ends', async (t) => {
    const { world, webhook } = await open(t, 'proven');
    await world.publish(8);
    await world.patch(webhook, { url: 'https://example.org/new' });
    world.transport.answering = () => OK;
    await world.publish(1);
    world.transport.answering = () => 'nothing';
    await answerOpen(world, BROKEN);
    await world.publish(20);
    assert.equal(world.transport.open().length, 8);
  });
});

test('while more than half of everything is in use, a lane with a late exchange keeps two', async (t) => {
  const world = await openWorld(t, { settings: { inFlightMax: 10 } });
  const late = await world.webhook({ events: ['user.*'] });
  world.transport.answering = () => 'nothing';
  await world.publish(20, 'user.created');
  assert.equal(world.transport.open().length, 8);
  await world.clock.advance(301);
  const [first, second] = world.transport.open();
  first?.answer(OK);
  await settled();
  assert.equal(world.transport.open().length, 7, 'it is not given another');
  second?.answer(OK);
  await settled();
  assert.equal(world.transport.open().length, 6);
  world.transport.open()[0]?.answer(OK);
  await settled();
  assert.ok(world.transport.open().length > 5, 'with half of it in use it is');
  assert.deepEqual(new Set(world.transport.sent.map(({ url }) => url)), new Set([late.url]));
});

/** A webhook whose receiver answers nothing by itself. */
async function open(
  t: TestContext,
  health: LaneHealth,
  settings: Partial<WebhookSettings> = {},
): Promise<{ world: World; webhook: Webhook }> {
  const world = await openWorld(t);
  world.transport.answering = () => 'nothing';
  return { world, webhook: await world.webhook(withSettings(settings), health) };
}

/** From now on each exchange takes so long. */
function asLongAs(world: World, ms: number, answer: (sent: Sent) => typeof OK): { most: number } {
  const seen = { most: 0 };
  world.transport.answering = (sent) => {
    seen.most = Math.max(seen.most, world.transport.open().length);
    world.clock.after(ms, () => sent.answer(answer(sent)));
    return 'nothing';
  };
  return seen;
}

function isPoisonous(sent: Sent): boolean {
  return sent.header('x-webhook-event') === 'team.created';
}
