import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Webhook } from '../../src/core/model.ts';
import { NOON, settled } from './support/fake-clock.ts';
import { answered, BROKEN, OK } from './support/fake-transport.ts';
import {
  answerOne,
  answerOpen,
  expectOne,
  keepAfter,
  keepBefore,
  sentEvents,
  testCall,
  withSettings,
} from './support/steps.ts';
import { openWorld, refOf, type World } from './support/world.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** More than the jitter adds to a minute, the wait before attempt 2. */
const SECOND_ATTEMPT_MS = MINUTE_MS * 1.1;

describe('a receiver that answers with Retry-After', () => {
  for (const status of [429, 503]) {
    test(`and ${status} holds up its whole lane until then, and not a millisecond longer`, async (t) => {
      const { world, webhook } = await held(t, answered(status, '600'));
      world.transport.answering = () => OK;
      await world.publish(3);
      await world.clock.advance(600_000 - 1);
      assert.equal(world.transport.sent.length, 1);
      assert.equal(await heldUntil(world, webhook), NOON + 600_000);
      await world.clock.advance(1);
      assert.equal(world.transport.sent.length, 5, 'the one that was refused and the others');
    });
  }

  for (const status of [200, 400, 401, 404, 410, 500, 502, 504, 301]) {
    test(`and ${status} holds up nothing`, async (t) => {
      const { world, webhook } = await held(t, answered(status, '600'));
      assert.equal(await heldUntil(world, webhook), null);
      const [next] = await world.publish();
      await world.clock.advance(1_000);
      assert.equal(sentEvents(world).at(-1), next);
    });
  }

  test('as a date holds up its lane until that date', async (t) => {
    const until = new Date(NOON + 90_000).toUTCString();
    const { world, webhook } = await held(t, answered(503, until));
    assert.equal(await heldUntil(world, webhook), NOON + 90_000);
    await world.clock.advance(89_999);
    assert.equal(world.transport.sent.length, 1);
    await world.clock.advance(1);
    assert.equal(world.transport.sent.length, 2);
  });

  test('of many years holds up its lane for a day', async (t) => {
    const { world } = await held(t, answered(429, '999999999'));
    await world.clock.advance(DAY_MS - 1);
    assert.equal(world.transport.sent.length, 1);
    await world.clock.advance(1);
    assert.equal(world.transport.sent.length, 2);
  });

  test('sooner than the schedule is tried again by the schedule', async (t) => {
    const { world, webhook } = await held(t, answered(429, '5'));
    const { dueAt } = expectOne(await world.deliveriesOf(webhook));
    assert.ok((dueAt ?? 0) >= NOON + MINUTE_MS);
    await world.clock.advance(MINUTE_MS - 1);
    assert.equal(world.transport.sent.length, 1);
    await world.clock.advance(SECOND_ATTEMPT_MS - MINUTE_MS + 1);
    assert.equal(world.transport.sent.length, 2);
  });

  test('later than the schedule is tried again when it said', async (t) => {
    const { world, webhook } = await held(t, answered(429, '3600'));
    assert.equal(expectOne(await world.deliveriesOf(webhook)).dueAt, NOON + 3_600_000);
  });

  test('that is no time is tried again by the schedule', async (t) => {
    const { world, webhook } = await held(t, answered(429, 'soon'));
    assert.equal(await heldUntil(world, webhook), null);
  });

  test('holds up nobody else', async (t) => {
    const { world } = await held(t, answered(429, '600'));
    const other = await world.webhook({ events: ['team.*'] });
    world.transport.answering = () => OK;
    await world.publish(1, 'team.created');
    assert.equal(world.transport.sent.at(-1)?.url, other.url);
  });
});

describe('of two holds', () => {
  test('the later one wins, when it comes last', async (t) => {
    const world = await twoInFlight(t);
    const [one, other] = world.transport.open();
    one?.answer(answered(429, '100'));
    other?.answer(answered(429, '200'));
    await settled();
    await world.publish();
    await world.clock.advance(199_999);
    assert.equal(world.transport.sent.length, 2);
    await world.clock.advance(1);
    assert.ok(world.transport.sent.length > 2);
  });

  test('the later one wins, when it comes first', async (t) => {
    const world = await twoInFlight(t);
    const [one, other] = world.transport.open();
    one?.answer(answered(429, '200'));
    other?.answer(answered(429, '100'));
    await settled();
    await world.publish();
    await world.clock.advance(199_999);
    assert.equal(world.transport.sent.length, 2);
    await world.restart();
    assert.equal(world.transport.sent.length, 2, 'what is stored is the later one, too');
    await world.clock.advance(1);
    assert.ok(world.transport.sent.length > 2);
  });
});

describe('a hold', () => {
  test('is not ended by a success that was in flight', async (t) => {
    const world = await twoInFlight(t);
    const [one, other] = world.transport.open();
    one?.answer(answered(429, '100'));
    other?.answer(OK);
    await settled();
    await world.publish();
    await world.clock.advance(99_999);
    assert.equal(world.transport.sent.length, 2);
  });

  test('holds up a lane that waited for its turn already', async (t) => {
    const world = await openWorld(t, { settings: { inFlightMax: 2 } });
    world.transport.answering = () => 'nothing';
    await world.webhook();
    await world.publish(5);
    assert.equal(world.transport.sent.length, 2);
    world.transport.open()[0]?.answer(answered(429, '100'));
    await settled();
    assert.equal(world.transport.sent.length, 2);
    await world.clock.advance(99_999);
    assert.equal(world.transport.sent.length, 2);
  });

  test('is over with a change of the URL, at once', async (t) => {
    const { world, webhook } = await held(t, answered(429, '600'));
    world.transport.answering = () => OK;
    const [eventId] = await world.publish();
    await world.patch(webhook, { url: 'https://example.org/new' });
    assert.deepEqual(sentEvents(world, 1), [eventId]);
    assert.equal(await heldUntil(world, webhook), null);
  });

  for (const ordering of ['none', 'strict'] as const) {
    for (const [what, end] of [
      [
        'a change of the URL',
        (world, webhook) => world.patch(webhook, { url: `${webhook.url}/new` }),
      ],
      ['a delivered test call', (world, webhook) => testCall(world, webhook.id)],
    ] as [string, (world: World, webhook: Webhook) => Promise<unknown>][]) {
      test(`is over with ${what} for what began it too: ${ordering} goes on by the schedule`, async (t) => {
        const world = await openWorld(t);
        world.transport.answering = () => answered(429, '86400');
        const webhook = await world.webhook(withSettings({ ordering }));
        const [eventId] = await world.publish();
        const dueAt = async () => {
          const all = await world.deliveriesOf(webhook);
          return all.find((delivery) => delivery.eventId === eventId)?.dueAt ?? 0;
        };
        assert.equal(await dueAt(), NOON + 86_400_000);
        world.transport.answering = () => OK;
        await end(world, webhook);
        const before = world.transport.sent.length;
        assert.ok((await dueAt()) <= NOON + 66_000);
        await world.clock.advance(59_999);
        assert.equal(world.transport.sent.length, before, 'the schedule holds still');
        await world.clock.advance(6_001);
        assert.deepEqual(sentEvents(world, before), [eventId]);
      });
    }
  }

  test('is not over with another change', async (t) => {
    const { world, webhook } = await held(t, answered(429, '600'));
    await world.publish();
    await world.patch(webhook, { description: 'Mine.' });
    await world.change(webhook, 'paused');
    await world.change(webhook, 'active');
    await world.clock.advance(599_999);
    assert.equal(world.transport.sent.length, 1);
  });

  test('is not over with a change that was read before it began', async (t) => {
    const world = await twoInFlight(t);
    const webhook = expectOne(await webhooksOf(world));
    const reading = keepAfter(world, 'target');
    const changed = world.patch(webhook, { description: 'Mine.' });
    await settled();
    assert.ok(reading.isReached);
    world.transport.open()[0]?.answer(answered(429, '100'));
    await settled();
    reading.release();
    await changed;
    await world.publish();
    await world.clock.advance(99_999);
    assert.equal(world.transport.sent.length, 2);
  });

  test('that the old URL asked for does not hold up the new one', async (t) => {
    const world = await twoInFlight(t);
    const webhook = expectOne(await webhooksOf(world));
    await world.patch(webhook, { url: 'https://example.org/new' });
    await answerOpen(world, answered(429, '600'));
    assert.equal(await heldUntil(world, webhook), null);
    const [eventId] = await world.publish();
    assert.equal(sentEvents(world).at(-1), eventId);
  });

  test('holds up its lane also when the webhook was disabled and enabled meanwhile', async (t) => {
    const world = await openWorld(t);
    world.transport.answering = () => 'nothing';
    const webhook = await world.webhook();
    await world.publish();
    await world.change(webhook, 'disabled');
    await world.change(webhook, 'active');
    await answerOne(world, answered(503, '600'));
    assert.equal(await heldUntil(world, webhook), NOON + 600_000);
    await world.publish();
    assert.equal(world.transport.sent.length, 1);
    await world.clock.advance(600_000);
    assert.equal(world.transport.sent.length, 2);
  });

  test('is over with a test call that is delivered', async (t) => {
    const { world, webhook } = await held(t, answered(429, '600'));
    world.transport.answering = () => OK;
    const [eventId] = await world.publish();
    assert.equal((await testCall(world, webhook.id))?.status, 'delivered');
    await settled();
    assert.equal(sentEvents(world).at(-1), eventId);
    assert.equal(await heldUntil(world, webhook), null);
  });

  test('is not over with a test call that fails', async (t) => {
    const { world, webhook } = await held(t, answered(429, '600'));
    world.transport.answering = () => BROKEN;
    await world.publish();
    await testCall(world, webhook.id);
    await world.clock.advance(1_000);
    assert.equal(world.transport.sent.length, 2, 'the test call and no other');
  });

  test('is over with a test call also while nothing of the webhook is in memory', async (t) => {
    const world = await openWorld(t);
    const webhook = await world.webhook({ heldUntil: NOON + 600_000 });
    await testCall(world, webhook.id);
    assert.equal(await heldUntil(world, webhook), null);
    await world.publish();
    assert.equal(world.transport.sent.length, 2);
  });

  test('that begins while a test call is being written down goes on', async (t) => {
    const world = await twoInFlight(t);
    const webhook = expectOne(await webhooksOf(world));
    world.transport.open()[0]?.answer(answered(429, '50'));
    await settled();
    world.transport.answering = (sent) =>
      sent.header('x-webhook-trigger') === 'test' ? OK : 'nothing';
    const ending = keepAfter(world, 'holdWebhook');
    const tested = testCall(world, webhook.id);
    await settled();
    assert.ok(ending.isReached);
    world.transport.open()[0]?.answer(answered(429, '100'));
    await settled();
    ending.release();
    await tested;
    await world.publish();
    await world.clock.advance(99_999);
    assert.equal(world.transport.sent.length, 3);
  });

  test('goes on after a restart', async (t) => {
    const { world } = await held(t, answered(503, '600'));
    await world.publish(2);
    await world.restart();
    await world.clock.advance(599_999);
    assert.equal(world.transport.sent.length, 1);
    await world.clock.advance(1);
    assert.ok(world.transport.sent.length > 1);
  });

  test('goes on in memory when it cannot be stored', async (t) => {
    const world = await openWorld(t);
    await world.webhook();
    world.faults.before = (operation) => {
      if (operation === 'holdWebhook') throw new Error('the store cannot be used now');
    };
    world.transport.answering = () => answered(429, '600');
    await world.publish(1);
    await world.publish(1);
    await world.clock.advance(599_999);
    assert.equal(world.transport.sent.length, 1);
  });

  test('waits with the head of a strict lane, and its order stays', async (t) => {
    const world = await openWorld(t);
    await world.webhook(withSettings({ ordering: 'strict' }));
    world.transport.answering = () => 'nothing';
    const eventIds = await world.publish(3);
    await answerOne(world, answered(429, '600'));
    world.transport.answering = () => OK;
    await world.clock.advance(599_999);
    assert.equal(world.transport.sent.length, 1);
    await world.clock.advance(1);
    assert.deepEqual(sentEvents(world, 1), eventIds);
  });
});

test('a delivery that was refused waits for the hold that another one began', async (t) => {
  const world = await twoInFlight(t);
  const settling = keepBefore(world, 'settle');
  const [one, other] = world.transport.open();
  one?.answer(answered(429, '7200'));
  other?.answer(BROKEN);
  settling.release();
  await settled();
  const webhook = expectOne(await webhooksOf(world));
  for (const { dueAt } of await world.deliveriesOf(webhook)) {
    assert.equal(dueAt, NOON + 7_200_000);
  }
});

/** One webhook whose receiver answers so, and has done so once. */
async function held(
  t: Parameters<typeof openWorld>[0],
  answer: ReturnType<typeof answered>,
): Promise<{ world: World; webhook: Webhook }> {
  const world = await openWorld(t);
  world.transport.answering = () => answer;
  const webhook = await world.webhook({ events: ['user.*'] });
  await world.publish();
  assert.equal(world.transport.sent.length, 1);
  return { world, webhook };
}

async function twoInFlight(t: Parameters<typeof openWorld>[0]): Promise<World> {
  const world = await openWorld(t);
  world.transport.answering = () => 'nothing';
  await world.webhook();
  await world.publish(2);
  assert.equal(world.transport.open().length, 2);
  return world;
}

async function webhooksOf(world: World): Promise<Webhook[]> {
  return (await world.store.listWebhooks('acc_default', { limit: 10 })).items;
}

async function heldUntil(world: World, webhook: Webhook): Promise<number | null> {
  const { accountId, webhookId } = refOf(webhook);
  return (await world.store.getWebhook(accountId, webhookId))?.heldUntil ?? null;
}
