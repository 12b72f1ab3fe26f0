import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { RateLimit, Webhook, WebhookSettings } from '../../src/core/model.ts';
import { settled } from './support/fake-clock.ts';
import { answered, BROKEN, OK } from './support/fake-transport.ts';
import { answerOpen, keepAfter, keepBefore, testCall, withSettings } from './support/steps.ts';
import { openWorld, type World } from './support/world.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const FIVE_A_SECOND: RateLimit = { max: 5, perMs: 1_000 };

describe('a rate limit', () => {
  test('holds in any span, whatever is published when', async (t) => {
    const { world, moments } = await open(t, FIVE_A_SECOND);
    for (let turn = 0; turn < 100; turn++) {
      if (world.random.below(2) === 0) await world.publish(world.random.below(8));
      await world.clock.advance(world.random.below(400));
    }
    await world.clock.advance(HOUR_MS);
    assert.ok(moments.length > 100);
    assertWithin(moments, FIVE_A_SECOND);
  });

  test('is used to the full while there is a backlog', async (t) => {
    const { world, moments } = await open(t, FIVE_A_SECOND);
    await world.publish(50);
    await world.clock.advance(9_300);
    assert.equal(moments.length, 50, 'five at once, and five more each second and a bit');
  });

  test('counts retries', async (t) => {
    const settings = { retrySchedule: [0, 100, 100, 100, 100, 100] };
    const { world, moments } = await open(t, { max: 2, perMs: 1_000 }, settings);
    answerAll(world, moments, answered(400));
    await world.publish(5);
    await world.clock.advance(MINUTE_MS);
    assert.equal(moments.length, 30);
    assertWithin(moments, { max: 2, perMs: 1_000 });
  });

  test('counts the second tries of a rotation', async (t) => {
    const limit = { max: 3, perMs: 1_000 };
    const { world, webhook, moments } = await open(t, limit);
    await world.rotate(webhook, 'another_webhook_secret');
    answerAll(world, moments, answered(401));
    await world.publish(6);
    await world.clock.advance(HOUR_MS);
    const again = world.heard.attempts.filter(({ attempt }) => attempt.note === 'second_secret');
    assert.ok(again.length > 0);
    assertWithin(moments, limit);
  });

  test('does not count test calls, nor hold them up', async (t) => {
    const { world, webhook, moments } = await open(t, { max: 1, perMs: 1_000 });
    for (let count = 0; count < 5; count++) await testCall(world, webhook.id);
    const [before] = [moments.length];
    await world.publish();
    assert.deepEqual([before, moments.length], [5, 6]);
  });

  test('counts a request when it has arrived, however long its connection takes', async (t) => {
    const { world } = await open(t, { max: 3, perMs: 1_000 });
    const { transport, clock } = world;
    transport.answering = () => 'nothing';
    transport.writesAtOnce = false;
    await world.publish(10);
    await clock.advance(5_000);
    assert.equal(transport.sent.length, 3, 'all three places are taken until then');
    const [one, ...others] = transport.sent;
    for (const sent of others) sent.write();
    one?.write();
    one?.answer(OK);
    await clock.advance(1_024);
    assert.equal(transport.sent.length, 3);
    await clock.advance(1);
    assert.equal(transport.sent.length, 4, 'what was answered had arrived');
    await clock.advance(100);
    assert.equal(transport.sent.length, 6, 'the rest a tenth of the span after it was written');
  });

  test('counts one that never got a connection when it ends', async (t) => {
    const { world } = await open(t, { max: 2, perMs: 1_000 });
    const { transport, clock } = world;
    transport.writesAtOnce = false;
    transport.answering = () => 'nothing';
    await world.publish(4);
    await clock.advance(500);
    for (const sent of transport.open()) sent.answer(answered(404));
    await clock.advance(1_024);
    assert.equal(transport.sent.length, 2);
    await clock.advance(1);
    assert.equal(transport.sent.length, 4);
  });

  test('holds up nobody else', async (t) => {
    const { world } = await open(t, { max: 1, perMs: HOUR_MS });
    const other = await world.webhook();
    await world.publish(50);
    const sent = world.transport.sent.filter(({ url }) => url === other.url);
    assert.equal(sent.length, 50);
  });

  test('holds with a strict order, too', async (t) => {
    const { world, moments } = await open(t, { max: 2, perMs: 1_000 }, { ordering: 'strict' });
    const eventIds = await world.publish(10);
    await world.clock.advance(MINUTE_MS);
    assertWithin(moments, { max: 2, perMs: 1_000 });
    assert.deepEqual(
      world.transport.sent.map(({ eventId }) => eventId),
      eventIds,
    );
  });
});

describe('the rate of a webhook', () => {
  test('holds over a clean restart, and is used to the full there', async (t) => {
    const { world, moments } = await open(t, FIVE_A_SECOND);
    await world.publish(8);
    await world.clock.advance(500);
    await world.restartCleanly();
    assert.equal(moments.length, 5);
    await world.clock.advance(524);
    assert.equal(moments.length, 5);
    await world.clock.advance(1);
    assert.equal(moments.length, 8);
  });

  test('holds over a clean restart also for what was sent twice', async (t) => {
    const limit = { max: 4, perMs: 10_000 };
    const { world, webhook, moments } = await open(t, limit);
    await world.rotate(webhook, 'another_webhook_secret');
    world.transport.answering = (sent) => {
      moments.push(world.clock.monotonic());
      return answered(sent.attempt === 1 ? 403 : 200);
    };
    await world.publish(2);
    assert.equal(moments.length, 4);
    await world.clock.advance(1_000);
    await world.restartCleanly();
    await world.publish(3);
    await world.clock.advance(MINUTE_MS);
    assertWithin(moments, limit);
  });

  test('holds over a crash with exchanges in progress', async (t) => {
    const { world, moments } = await open(t, FIVE_A_SECOND);
    answerAll(world, moments, 'nothing');
    await world.publish(20);
    assert.equal(moments.length, 5);
    await world.clock.advance(500);
    await world.restart();
    await world.clock.advance(HOUR_MS);
    assert.ok(moments.length > 5);
    assertWithin(moments, FIVE_A_SECOND);
  });

  test('of a hundred an hour loses one to a crash, and goes on at once', async (t) => {
    const limit = { max: 100, perMs: HOUR_MS };
    const { world, moments } = await open(t, limit);
    answerAll(world, moments, 'nothing');
    await world.publish(200);
    assert.equal(moments.length, 1);
    await world.restart();
    answerAll(world, moments, OK);
    await world.clock.advance(MINUTE_MS);
    assert.equal(moments.length, 1 + 99);
    await world.clock.advance(2 * HOUR_MS);
    assert.ok(moments.length > 200);
    assertWithin(moments, limit);
  });

  test('holds over a crash when the webhook was disabled and enabled before it sent again', async (t) => {
    const { world, webhook, moments } = await open(t, FIVE_A_SECOND);
    answerAll(world, moments, 'nothing');
    await world.publish(5);
    await world.clock.advance(500);
    const { accountId, id } = webhook;
    const now = world.clock.now();
    await world.store.updateWebhook(accountId, id, { status: 'disabled' }, now);
    await world.restart();
    await world.change(webhook, 'active');
    await world.publish(5);
    await world.clock.advance(HOUR_MS);
    assertWithin(moments, FIVE_A_SECOND);
  });

  test('holds over a crash also when the webhook may send less at once since then', async (t) => {
    const { world, webhook, moments } = await open(t, FIVE_A_SECOND);
    answerAll(world, moments, 'nothing');
    await world.publish(20);
    await world.restart();
    const rateLimit = { max: 5, perMs: HOUR_MS };
    await world.patch(webhook, { settings: { ordering: 'strict', rateLimit } });
    await world.clock.advance(HOUR_MS);
    assert.equal(moments.length, 5);
    await world.clock.advance(1_000);
    assert.equal(moments.length, 6);
  });

  for (const before of [null, { max: 1_000, perMs: 1_000 }]) {
    const was = before === null ? 'there was none' : 'it was another';
    test(`holds over a crash when ${was} shortly before`, async (t) => {
      const limit = { max: 100, perMs: HOUR_MS };
      const { world, webhook, moments } = await open(t, before);
      for (let turn = 0; turn < 30; turn++) {
        await world.publish(50);
        await world.clock.advance(1_000);
      }
      await world.clock.advance(2 * HOUR_MS);
      moments.length = 0;
      answerAll(world, moments, 'nothing');
      await world.publish(200);
      assert.ok(moments.length > 20);
      await world.patch(webhook, { settings: { rateLimit: limit } });
      await world.restart();
      answerAll(world, moments, OK);
      await world.clock.advance(2 * HOUR_MS);
      assert.ok(moments.length > 100);
      assertWithin(moments, limit);
    });
  }

  test('holds over a crash also for what was cancelled while it was in progress', async (t) => {
    const { world, webhook, moments } = await open(t, FIVE_A_SECOND);
    answerAll(world, moments, 'nothing');
    await world.publish(5);
    await world.change(webhook, 'disabled');
    await world.change(webhook, 'active');
    await world.clock.advance(500);
    await world.restart();
    await world.publish(5);
    await world.clock.advance(HOUR_MS);
    assert.ok(moments.length > 5);
    assertWithin(moments, FIVE_A_SECOND);
  });

  test('holds for what is published before a crash has been looked into', async (t) => {
    const { world, moments } = await open(t, FIVE_A_SECOND);
    answerAll(world, moments, 'nothing');
    await world.publish(5);
    await world.clock.advance(500);
    const looking = keepBefore(world, 'webhooksWithPending');
    const restarted = world.restart();
    await settled();
    await world.publish(5);
    await world.clock.advance(100);
    looking.release();
    await restarted;
    await world.clock.advance(HOUR_MS);
    assertWithin(moments, FIVE_A_SECOND);
  });

  test('holds over a crash with outcomes that were not written', async (t) => {
    const { world, moments } = await open(t, FIVE_A_SECOND);
    keepBefore(world, 'settle');
    await world.publish(20);
    await world.clock.advance(900);
    world.faults.before = () => {};
    await world.restart();
    await world.clock.advance(MINUTE_MS);
    assertWithin(moments, FIVE_A_SECOND);
  });

  test('holds while the webhook is changed again and again', async (t) => {
    const { world, webhook, moments } = await open(t, FIVE_A_SECOND);
    await world.publish(100);
    for (let turn = 0; turn < 60; turn++) {
      const status = world.random.pick(['paused', 'active', 'active'] as const);
      await world.patch(webhook, { status, description: `${turn}` });
      await world.clock.advance(world.random.below(500));
    }
    await world.change(webhook, 'active');
    await world.clock.advance(MINUTE_MS);
    assert.equal(moments.length, 100);
    assertWithin(moments, FIVE_A_SECOND);
  });

  test('holds over a change of the URL', async (t) => {
    const { world, webhook, moments } = await open(t, FIVE_A_SECOND);
    await world.publish(10);
    await world.patch(webhook, { url: 'https://example.org/new' });
    await world.clock.advance(1_024);
    assert.equal(moments.length, 5);
    await world.clock.advance(1);
    assert.equal(moments.length, 10);
  });
});

describe('a new limit', () => {
  test('counts what was sent before there was any', async (t) => {
    const { world, webhook, moments } = await open(t, null);
    await world.publish(7);
    await world.clock.advance(400);
    const limit = { max: 5, perMs: 1_000 };
    await world.patch(webhook, { settings: { rateLimit: limit } });
    await world.publish(10);
    assert.equal(moments.length, 7);
    await world.clock.advance(625);
    assert.equal(moments.length, 12);
    await world.clock.advance(MINUTE_MS);
    assertWithin(moments.slice(2), limit);
  });

  test('counts what is in progress when it begins', async (t) => {
    const { world, webhook } = await open(t, null);
    world.transport.answering = () => 'nothing';
    await world.publish(4);
    await world.patch(webhook, { settings: { rateLimit: { max: 4, perMs: 1_000 } } });
    await world.publish(4);
    await world.clock.advance(900);
    assert.equal(world.transport.sent.length, 4);
    await world.clock.advance(200);
    assert.ok(world.transport.sent.length > 4);
  });

  test('counts what arrives while it is read', async (t) => {
    const { world, webhook } = await open(t, { max: 4, perMs: 2_000 });
    const { transport, clock } = world;
    transport.answering = () => 'nothing';
    transport.writesAtOnce = false;
    await world.publish(8);
    await clock.advance(500);
    const reading = keepAfter(world, 'sendTimes');
    const limit = { max: 4, perMs: 1_000 };
    const changed = world.patch(webhook, { settings: { rateLimit: limit } });
    await settled();
    assert.ok(reading.isReached);
    const [first, ...others] = transport.sent;
    for (const sent of others) sent.write();
    reading.release();
    await changed;
    await clock.advance(1_500);
    assert.equal(transport.sent.length, 7, 'those three go on, the first keeps its place');
    first?.write();
    await clock.advance(1_125);
    assert.equal(transport.sent.length, 8);
  });

  test('counts what is settled while it is read', async (t) => {
    const { world, webhook } = await open(t, null);
    world.transport.answering = () => 'nothing';
    await world.publish(4);
    const reading = keepAfter(world, 'sendTimes');
    const changed = world.patch(webhook, { settings: { rateLimit: { max: 4, perMs: 1_000 } } });
    await settled();
    assert.ok(reading.isReached);
    await answerOpen(world);
    reading.release();
    await changed;
    await world.publish(4);
    assert.equal(world.transport.sent.length, 4);
    await world.clock.advance(1_100);
    assert.equal(world.transport.sent.length, 8);
  });

  for (const [what, from, to] of [
    ['with a longer span', { max: 5, perMs: 1_000 }, { max: 5, perMs: 10_000 }],
    [
      'with a larger number in a longer span',
      { max: 1, perMs: 1_000 },
      { max: 5, perMs: MINUTE_MS },
    ],
    ['with a smaller number', { max: 10, perMs: 1_000 }, { max: 3, perMs: 1_000 }],
    ['with a larger number', { max: 3, perMs: 1_000 }, { max: 10, perMs: 1_000 }],
  ] as const) {
    test(`${what} counts all that was sent in its span`, async (t) => {
      const { world, webhook, moments } = await open(t, from);
      await world.publish(60);
      await world.clock.advance(8_000);
      const before = moments.length;
      await world.patch(webhook, { settings: { rateLimit: to } });
      await world.clock.advance(HOUR_MS);
      assert.equal(moments.length, 60);
      // Up to the change the limit before held; each span that reaches beyond it is under the new one.
      for (let at = before; at < moments.length; at++) {
        const oldest = moments[at - to.max] ?? Number.NEGATIVE_INFINITY;
        assert.ok((moments[at] ?? 0) - oldest >= to.perMs, `number ${at} of ${before}`);
      }
    });
  }

  test('that is none lets everything go at once', async (t) => {
    const { world, webhook, moments } = await open(t, { max: 1, perMs: HOUR_MS });
    await world.publish(30);
    await world.patch(webhook, { settings: { rateLimit: null } });
    assert.equal(moments.length, 30);
  });
});

test('an attempt that fails at the limit is not sent a second time above it', async (t) => {
  const { world, webhook, moments } = await open(t, { max: 1, perMs: MINUTE_MS });
  await world.rotate(webhook, 'another_webhook_secret');
  answerAll(world, moments, answered(401));
  await world.publish();
  await world.clock.advance(1_000);
  assert.equal(moments.length, 1);
  const [delivery] = await world.deliveriesOf(webhook);
  assert.equal(delivery?.lastAttempt?.responseCode, 401);
});

test('a failing lane keeps its rate', async (t) => {
  const limit = { max: 3, perMs: 5_000 };
  const { world, moments } = await open(t, limit);
  answerAll(world, moments, BROKEN);
  await world.publish(20);
  await world.clock.advance(HOUR_MS);
  assertWithin(moments, limit);
});

/** A webhook with this limit, and the moments (monotonic) at which exchanges with it began. */
async function open(
  t: TestContext,
  rateLimit: RateLimit | null,
  settings: Partial<WebhookSettings> = {},
): Promise<{ world: World; webhook: Webhook; moments: number[] }> {
  const world = await openWorld(t);
  const moments: number[] = [];
  const webhook = await world.webhook(withSettings({ ...settings, rateLimit }));
  const others = new Set<string>();
  world.transport.answering = ({ url }) => {
    if (url !== webhook.url && url.includes('wh_')) others.add(url);
    else moments.push(world.clock.monotonic());
    return OK;
  };
  return { world, webhook, moments };
}

/** The moments at which requests come are noted, and each is answered so. */
function answerAll(
  world: World,
  moments: number[],
  answer: ReturnType<World['transport']['answering']>,
): void {
  world.transport.answering = () => {
    moments.push(world.clock.monotonic());
    return answer;
  };
}

/** At most so many within any span. */
function assertWithin(moments: readonly number[], { max, perMs }: RateLimit): void {
  for (const [index, moment] of moments.entries()) {
    const after = moments[index + max] ?? Number.POSITIVE_INFINITY;
    assert.ok(after - moment >= perMs, `${max} per ${perMs} ms, from ${moment} on`);
  }
}
