import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { LaneHealth, Webhook } from '../../src/core/model.ts';
import type { DueDelivery, Settlement, Wake } from '../../src/core/ports.ts';
import { shardOf } from '../../src/core/shards.ts';
import { RATE_MARGIN_MS } from '../../src/engine/rate-window.ts';
import { settled } from './support/fake-clock.ts';
import { answered, OK } from './support/fake-transport.ts';
import {
  answerOne,
  answerOpen,
  expectOne,
  failing,
  keepBefore,
  withSettings,
} from './support/steps.ts';
import { openWorld, refOf, type World } from './support/world.ts';

const HOUR_MS = 60 * 60_000;
const NEXT = { epoch: 2, drained: true };

describe('a shard that is not owned', () => {
  test('gets nothing started, and everything as soon as it is owned', async (t) => {
    const { world, webhook, shard } = await open(t);
    world.engine.lose([shard]);
    await world.publish(3);
    assert.deepEqual(world.transport.sent, []);
    await world.engine.own([{ shard, ...NEXT }]);
    await settled();
    assert.equal(world.transport.sent.length, 3);
    assert.deepEqual(await statusesOf(world, webhook), ['delivered']);
  });

  test('does not hold up what is handed over for others', async (t) => {
    const { world, shard } = await open(t);
    const other = await inAnotherShard(world, shard);
    world.engine.lose([shard]);
    await world.publish();
    assert.deepEqual(
      world.transport.sent.map(({ url }) => url),
      [other.url],
    );
  });

  test('is acknowledged at once: nothing of it starts', async (t) => {
    const { world, webhook, shard } = await open(t);
    world.engine.lose([shard]);
    keepBefore(world, 'target');
    await world.engine.webhookChanged(refOf(webhook));
  });
});

test('What is handed over under another epoch than the one that is owned is ignored', async (t) => {
  const { world, shard } = await open(t);
  world.transport.answering = () => 'nothing';
  await world.publish();
  const { deliveryId } = expectOne(world.transport.sent);
  world.engine.lose([shard]);
  await world.engine.own([{ shard, ...NEXT }]);
  const [again = assert.fail(), ...others] = await stored(world);
  assert.deepEqual(others, []);
  for (const sent of world.transport.open()) sent.answer(OK);
  await settled();
  const before = world.transport.sent.length;
  assert.equal(again.id, deliveryId);
  world.engine.handOver([{ ...again, epoch: 1 }]);
  await settled();
  assert.equal(world.transport.sent.length, before);
});

describe('a shard that is lost', () => {
  test('starts nothing, neither what waits in memory nor what is due later', async (t) => {
    const { world, shard } = await open(t, { concurrencyMax: 1 });
    world.transport.answering = () => 'nothing';
    await world.publish(5);
    world.engine.lose([shard]);
    await answerOne(world, answered(500));
    await world.clock.advance(HOUR_MS);
    assert.equal(world.transport.sent.length, 1);
    assert.equal(world.engine.load().waiting, 0);
  });

  test('settles what was in progress under the epoch under which it began', async (t) => {
    const { world, shard } = await open(t);
    world.transport.answering = () => 'nothing';
    await world.publish();
    world.engine.lose([shard]);
    const settlements = watchSettlements(world, () => 'fenced');
    await world.engine.own([{ shard, ...NEXT }]);
    await settled();
    assert.equal(world.transport.sent.length, 2);
    const [first] = world.transport.sent;
    first?.answer(OK);
    await settled();
    assert.deepEqual(
      settlements.map(({ epoch }) => epoch),
      [1],
    );
    world.faults.instead = () => undefined;
    await answerOpen(world);
    assert.equal(world.transport.open().length, 0);
  });

  test('lets nothing follow from what its receivers answer then', async (t) => {
    const { world, webhook, shard } = await open(t, { onGone: 'disable' });
    world.transport.answering = () => 'nothing';
    await world.publish(2);
    world.engine.lose([shard]);
    watchSettlements(world, () => 'fenced');
    const [one, other] = world.transport.sent;
    one?.answer(answered(410));
    other?.answer(answered(429, '60'));
    await settled();
    const after = await world.store.getWebhook(webhook.accountId, webhook.id);
    assert.deepEqual([after?.status, after?.heldUntil], ['active', null]);
  });

  test('is known by the first outcome that is fenced', async (t) => {
    const { world, shard } = await open(t, { ordering: 'strict' });
    world.transport.answering = () => 'nothing';
    await world.publish(3);
    watchSettlements(world, () => 'fenced');
    const { deliveryId } = await answerOne(world);
    assert.equal(world.transport.sent.length, 1);
    assert.deepEqual(world.heard.fenced, [deliveryId]);
    assert.deepEqual(world.heard.attempts, []);
    world.faults.instead = () => undefined;
    await world.engine.own([{ shard, ...NEXT }]);
    await settled();
    assert.equal(world.transport.sent.length, 2);
  });

  test('is not lost again by outcomes of before, once it is owned anew', async (t) => {
    const { world, shard } = await open(t);
    world.transport.answering = () => 'nothing';
    await world.publish();
    world.engine.lose([shard]);
    await world.engine.own([{ shard, ...NEXT }]);
    await settled();
    watchSettlements(world, ({ epoch }) => (epoch === 1 ? 'fenced' : 'settled'));
    world.transport.sent[0]?.answer(OK);
    await settled();
    world.faults.instead = () => undefined;
    await world.publish(1);
    world.engine.handOver((await stored(world)).map((one) => ({ ...one, epoch: 2 })));
    await settled();
    assert.equal(world.transport.sent.length, 3);
  });

  test('stays lost, whatever was being read or tried again', async (t) => {
    const { world, shard } = await open(t);
    const reading = keepBefore(world, 'target');
    await world.engine.own([{ shard, ...NEXT }]);
    await world.publish();
    world.engine.handOver((await stored(world)).map((one) => ({ ...one, epoch: 2 })));
    await settled();
    assert.ok(reading.isReached);
    world.engine.lose([shard]);
    reading.release();
    await world.clock.advance(HOUR_MS);
    assert.deepEqual(world.transport.sent, []);
  });
});

describe('a shard that is released', () => {
  test('with nothing in progress is drained at once', async (t) => {
    const { world, shard } = await open(t);
    assert.deepEqual(await world.engine.release([shard], 1_000), [shard]);
    await world.publish();
    assert.deepEqual(world.transport.sent, []);
  });

  test('waits for what is in progress, starts nothing more, and writes what came of it', async (t) => {
    const { world, webhook, shard } = await open(t, { concurrencyMax: 1 });
    world.transport.answering = () => 'nothing';
    await world.publish(2);
    const released = outcomeOf(world.engine.release([shard], 20_000));
    await world.clock.advance(5_000);
    assert.equal(released.value, undefined);
    await answerOne(world, answered(429, '60'));
    assert.deepEqual(released.value, [shard]);
    assert.equal(world.transport.sent.length, 1);
    const after = await world.store.getWebhook(webhook.accountId, webhook.id);
    assert.equal(after?.heldUntil, world.clock.now() + 60_000);
    const attempts = (await world.deliveriesOf(webhook)).map(({ attemptCount }) => attemptCount);
    assert.deepEqual(attempts, [1, 0]);
  });

  test('starts nothing more, also when a read that failed is made again', async (t) => {
    const { world, webhook, shard } = await open(t);
    world.transport.answering = () => 'nothing';
    await world.publish();
    failing(world, 'target', 1);
    await assert.rejects(world.engine.webhookChanged(refOf(webhook)));
    const released = outcomeOf(world.engine.release([shard], 20_000));
    await world.publish(3);
    await world.clock.advance(2_000);
    assert.equal(world.transport.sent.length, 1);
    await answerOne(world);
    assert.deepEqual(released.value, [shard]);
  });

  test('and lost before it was, is owned anew like any other', async (t) => {
    const { world, webhook, shard } = await open(t, {}, 'new');
    world.transport.answering = () => 'nothing';
    await world.publish();
    const released = outcomeOf(world.engine.release([shard], 5_000));
    await settled();
    world.engine.lose([shard]);
    await world.engine.own([{ shard, ...NEXT }]);
    await world.clock.advance(5_000);
    assert.deepEqual(released.value, []);
    const [, again] = world.transport.open();
    again?.answer(OK);
    await settled();
    await world.publish();
    await world.engine.woken([wake('pending', webhook)]);
    await settled();
    assert.equal(world.transport.sent.length, 3);
  });

  test('is not drained when something is still in progress at the limit', async (t) => {
    const { world, shard } = await open(t);
    world.transport.answering = () => 'nothing';
    await world.publish();
    const released = outcomeOf(world.engine.release([shard], 2_000));
    await world.clock.advance(2_000);
    assert.deepEqual(released.value, []);
  });

  test('lets receivers that are well go on until those that hang have ended', async (t) => {
    const { world, webhook, shard } = await open(t, {}, 'new');
    const healthy = await inThatShard(world, shard);
    world.transport.answering = ({ url }) => (url === webhook.url ? 'nothing' : OK);
    await world.publish();
    const released = outcomeOf(world.engine.release([shard], 20_000));
    await world.clock.advance(1_000);
    await world.publish();
    assert.equal(sentTo(world, healthy), 2);
    assert.equal(sentTo(world, webhook), 1);
    await answerOne(world);
    assert.deepEqual(released.value, [shard]);
    await world.publish();
    assert.equal(sentTo(world, healthy), 2);
  });

  test('remembers what its receivers are like', async (t) => {
    const { world, webhook, shard } = await open(t, {}, 'new');
    await world.publish();
    assert.deepEqual(await world.engine.release([shard], 1_000), [shard]);
    assert.equal((await world.store.target(refOf(webhook)))?.memory?.health, 'proven');
  });

  test('takes along for an hour what an owner before it may have left unrecorded', async (t) => {
    const { world, shard } = await open(t);
    for (const [afterMs, drained] of [
      [HOUR_MS - 1_000, []],
      [HOUR_MS + 1_000, [shard]],
    ] as const) {
      await world.engine.own([{ shard, epoch: 2 + afterMs, drained: false }]);
      await world.clock.advance(afterMs);
      assert.deepEqual(await world.engine.release([shard], 1_000), drained);
    }
  });
});

describe('a rate limit over a change of the owner', () => {
  const rateLimit = { max: 3, perMs: 10_000 };
  const spanMs = rateLimit.perMs + RATE_MARGIN_MS;

  test('counts what the owner before has on record', async (t) => {
    const { world, webhook, shard } = await open(t, { rateLimit });
    await world.publish(9);
    await world.clock.advance(4_000);
    assert.deepEqual(await world.engine.release([shard], 1_000), [shard]);
    await world.engine.own([{ shard, ...NEXT }]);
    await world.clock.advance(spanMs - 4_000 - 1);
    assert.equal(sentTo(world, webhook), 3);
    await world.clock.advance(1);
    assert.equal(sentTo(world, webhook), 6);
  });

  test('counts what one that fell may have had in progress, as sent when it was taken', async (t) => {
    const { world, webhook, shard } = await open(t, { rateLimit });
    world.transport.answering = () => 'nothing';
    await world.publish(3);
    await world.clock.advance(4_000);
    world.transport.answering = () => OK;
    world.engine.lose([shard]);
    await world.engine.own([{ shard, epoch: 2, drained: false }]);
    await world.clock.advance(spanMs - 1);
    assert.equal(sentTo(world, webhook), 3);
    await world.clock.advance(1);
    assert.equal(sentTo(world, webhook), 6);
  });

  test('waits no longer than a span, though the clock of the owner before was ahead', async (t) => {
    const { world, webhook, shard } = await open(t, { rateLimit });
    await world.publish(9);
    assert.deepEqual(await world.engine.release([shard], 1_000), [shard]);
    world.clock.set(world.clock.now() - HOUR_MS);
    await world.engine.own([{ shard, ...NEXT }]);
    await world.clock.advance(spanMs - 1);
    assert.equal(sentTo(world, webhook), 3);
    await world.clock.advance(1);
    assert.equal(sentTo(world, webhook), 6);
  });
});

describe('without a lease', () => {
  test('nothing starts, and it starts by itself when there is one again', async (t) => {
    const { world } = await open(t);
    world.lease.holds = false;
    await world.publish(3);
    await world.clock.advance(10_000);
    assert.deepEqual(world.transport.sent, []);
    world.lease.holds = true;
    await world.clock.advance(100);
    assert.equal(world.transport.sent.length, 3);
  });

  test('there are no second tries', async (t) => {
    const { world, webhook } = await open(t);
    await world.rotate(webhook, 'another_webhook_secret');
    world.transport.answering = () => 'nothing';
    await world.publish();
    world.lease.holds = false;
    await answerOne(world, answered(401));
    assert.equal(world.transport.sent.length, 1);
  });
});

describe('what was done at another node', () => {
  test('is sent when it is said that something is pending', async (t) => {
    const { world, webhook } = await open(t);
    await elsewhere(world, () => world.publish(3));
    assert.deepEqual(world.transport.sent, []);
    await world.engine.woken([wake('pending', webhook)]);
    await settled();
    assert.equal(world.transport.sent.length, 3);
  });

  test('is in force when it is said that something has changed', async (t) => {
    const { world, webhook } = await open(t, { concurrencyMax: 1 });
    world.transport.answering = () => 'nothing';
    await world.publish(5);
    const [first] = await world.deliveriesOf(webhook);
    const { accountId, id } = webhook;
    await world.store.updateWebhook(accountId, id, { url: 'https://example.org/new' }, 1);
    const cancelled = (await world.deliveriesOf(webhook)).filter((one) => one.id !== first?.id);
    for (const { id: deliveryId } of cancelled.slice(1)) {
      await world.store.cancelDelivery({ accountId, deliveryId, reason: 'requested' });
    }
    await world.engine.woken([wake('changed', webhook)]);
    await answerOpen(world);
    await answerOpen(world);
    await settled();
    assert.deepEqual(
      world.transport.sent.map(({ url, deliveryId }) => [url, deliveryId]),
      [
        [webhook.url, first?.id],
        ['https://example.org/new', cancelled[0]?.id],
      ],
    );
  });

  test('is in force for what is handed over after it was said, and is older', async (t) => {
    const { world, webhook } = await open(t);
    await elsewhere(world, () => world.publish(2));
    const late = await stored(world);
    const [cancelled, left] = await world.deliveriesOf(webhook);
    const { accountId, id: deliveryId = '' } = cancelled ?? assert.fail();
    await world.store.cancelDelivery({ accountId, deliveryId, reason: 'requested' });
    const reading = keepBefore(world, 'target');
    const acted = world.engine.woken([wake('changed', webhook)]);
    await settled();
    world.engine.handOver(late);
    reading.release();
    await acted;
    await settled();
    const sent = world.transport.sent.map((one) => one.deliveryId);
    assert.deepEqual(sent, [left?.id]);
  });

  test('is acted upon before it is said so', async (t) => {
    const { world, webhook } = await open(t);
    const reading = keepBefore(world, 'target');
    const acted = outcomeOf(world.engine.woken([wake('changed', webhook)]).then(() => true));
    await settled();
    assert.equal(acted.value, undefined);
    reading.release();
    await settled();
    assert.equal(acted.value, true);
  });

  test('is acted upon also when the webhook cannot be read now: nothing starts until it can', async (t) => {
    const { world, webhook } = await open(t);
    failing(world, 'target', 2);
    await world.engine.woken([wake('changed', webhook)]);
    await world.publish();
    assert.deepEqual(world.transport.sent, []);
    await world.clock.advance(1_000);
    assert.equal(world.transport.sent.length, 1);
  });

  test('is said again when the recoveries that may have begun there cannot be read', async (t) => {
    const { world, webhook } = await open(t);
    failing(world, 'runningRecoveries', 1);
    await assert.rejects(world.engine.woken([wake('changed', webhook)]));
  });

  test('begins the recoveries that were created there', async (t) => {
    const { world, webhook } = await open(t);
    const { accountId, id: webhookId } = webhook;
    await world.change(webhook, 'disabled');
    await world.publish(3);
    await world.change(webhook, 'active');
    const now = world.clock.now();
    const id = world.newId('recovery');
    const span = { since: now - 1_000, until: now + 1_000, createdAt: now, endedAt: null };
    const recovery = { accountId, id, webhookId, ...span, deliveryCount: 0 };
    await world.store.createRecovery({ ...recovery, status: 'running' });
    await world.engine.woken([wake('changed', webhook)]);
    await world.clock.advance(1_000);
    assert.equal(world.transport.sent.length, 3);
  });
});

async function open(
  t: TestContext,
  settings: Parameters<typeof withSettings>[0] = {},
  health: LaneHealth = 'proven',
) {
  const world = await openWorld(t);
  const webhook = await world.webhook(withSettings(settings), health);
  return { world, webhook, shard: shardOf(webhook.id) };
}

async function inAnotherShard(world: World, shard: number): Promise<Webhook> {
  return await madeUntil(world, (id) => shardOf(id) !== shard);
}

async function inThatShard(world: World, shard: number): Promise<Webhook> {
  return await madeUntil(world, (id) => shardOf(id) === shard);
}

async function madeUntil(world: World, fits: (id: string) => boolean): Promise<Webhook> {
  let id = world.newId('webhook');
  while (!fits(id)) id = world.newId('webhook');
  const made = await world.webhook({ id, url: `https://example.net/${id}` });
  // Its secret is sealed for the id that it would have had.
  const secret = { sealed: world.seal({ accountId: made.accountId, webhookId: id }), hint: '' };
  await world.patch(made, { secret: { ...secret, overlapUntil: null } });
  return made;
}

/** What is pending and due, as a store hands it over. */
async function stored({ store, clock }: World): Promise<DueDelivery[]> {
  const { items } = await store.webhooksWithPending({ after: null, limit: 100, counts: false });
  const page = { dueBefore: clock.now(), limit: 100, bytesMax: 1e6, except: [] };
  const found = await Promise.all(
    items.map(({ accountId, webhookId }) =>
      store.due({ accountId, webhookId, ordering: 'none', ...page }),
    ),
  );
  return found.flatMap(({ deliveries }) => deliveries);
}

async function statusesOf(world: World, webhook: Webhook): Promise<string[]> {
  const statuses = (await world.deliveriesOf(webhook)).map(({ status }) => status);
  return [...new Set(statuses)];
}

function sentTo({ transport }: World, { url }: Webhook): number {
  return transport.sent.filter((one) => one.url === url).length;
}

/** Keeps what is settled, and answers in the place of the store. */
function watchSettlements(
  { faults }: World,
  answer: (settlement: Settlement) => 'settled' | 'fenced',
): Settlement[] {
  const settlements: Settlement[] = [];
  faults.instead = (operation, [batch]) => {
    if (operation !== 'settle') return undefined;
    const all = batch as readonly Settlement[];
    settlements.push(...all);
    return all.map(answer);
  };
  return settlements;
}

/** Does it without the engine being told. */
async function elsewhere({ engine }: World, act: () => Promise<unknown>): Promise<void> {
  const { handOver } = engine;
  engine.handOver = () => {};
  await act();
  engine.handOver = handOver;
}

function wake(
  kind: Wake['kind'],
  { accountId, id }: Pick<Webhook, 'accountId' | 'id'>,
  count = 1,
): Wake {
  return { id: 1, shard: shardOf(id), kind, webhooks: [{ accountId, webhookId: id, count }] };
}

/** What a promise has been fulfilled with by now. */
function outcomeOf<Value>(promise: Promise<Value>): { value: Value | undefined } {
  const outcome: { value: Value | undefined } = { value: undefined };
  void promise.then((value) => {
    outcome.value = value;
  });
  return outcome;
}
