import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { createIds, DEFAULT_ACCOUNT_ID } from '../../src/core/ids.ts';
import type { DueDelivery } from '../../src/core/ports.ts';
import { secretPlace } from '../../src/core/secret-place.ts';
import { shardOf, shardsOf, threadOf } from '../../src/core/shards.ts';
import { createEngine, type Engine } from '../../src/engine/engine.ts';
import { ALWAYS_VALID } from '../../src/engine/lease.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createLocalStore } from '../../src/store/sqlite/local-store.ts';
import { seeded } from '../core/support/seeded.ts';
import { webhookOf } from '../store/contract/fixtures.ts';
import { createFakeClock, settled } from './support/fake-clock.ts';
import { createFakeTransport, OK } from './support/fake-transport.ts';
import { engineSettings } from './support/settings.ts';
import { announcementsInto, nothingHeard, refOf, SECRET } from './support/world.ts';

const WEBHOOKS = 12;
const MINUTE_MS = 60_000;

describe('engines that share the webhooks', () => {
  for (const engines of [2, 3]) {
    test(`among ${engines} send each delivery once`, async (t) => {
      const world = await open(t, engines);
      await world.start();
      await world.publish(20);
      await settled();
      const { sent } = world.transport;
      assert.equal(sent.length, WEBHOOKS * 20);
      assert.equal(new Set(sent.map(({ deliveryId }) => deliveryId)).size, WEBHOOKS * 20);
      for (const engine of world.engines) assert.ok(engine.load().lanes > 0, 'each has some');
    });

    test(`among ${engines} find what was pending, each its own`, async (t) => {
      const world = await open(t, engines);
      world.isHeard = false;
      await world.publish(20);
      world.isHeard = true;
      await world.start();
      await settled();
      const { sent } = world.transport;
      assert.equal(sent.length, WEBHOOKS * 20);
      assert.equal(new Set(sent.map(({ deliveryId }) => deliveryId)).size, WEBHOOKS * 20);
    });
  }

  test('go on with a recovery once', async (t) => {
    const world = await open(t, 2);
    world.isHeard = false;
    const now = world.clock.now();
    const [webhook = assert.fail()] = world.webhooks;
    await world.store.updateWebhook(webhook.accountId, webhook.id, { status: 'disabled' }, now);
    await world.publish(250);
    await world.store.updateWebhook(webhook.accountId, webhook.id, { status: 'active' }, now);
    await world.store.createRecovery({
      accountId: webhook.accountId,
      id: world.newId('recovery'),
      webhookId: webhook.id,
      since: now - 1_000,
      until: now + 1_000,
      status: 'running',
      deliveryCount: 0,
      createdAt: now,
      endedAt: null,
    });
    world.isHeard = true;
    await world.start();
    await world.clock.advance(MINUTE_MS);
    const sent = world.transport.sent.filter(({ url }) => url === webhook.url);
    assert.equal(sent.length, 250);
  });
});

describe('the sweep', () => {
  test('finds what nobody was told of, says so, and has it sent', async (t) => {
    const world = await open(t, 1);
    await world.start();
    world.isHeard = false;
    await world.publish(3);
    world.isHeard = true;
    await world.clock.advance(MINUTE_MS - 1);
    assert.deepEqual(world.transport.sent, []);
    await world.clock.advance(1 + 10_000);
    assert.equal(world.transport.sent.length, WEBHOOKS * 3);
    assert.deepEqual(world.heard.unheard.toSorted(), world.webhooks.map(({ id }) => id).toSorted());
  });

  test('finds it also for a lane that is in memory', async (t) => {
    const world = await open(t, 1);
    await world.start();
    await world.publish(1);
    world.isHeard = false;
    await world.publish(1);
    world.isHeard = true;
    await world.clock.advance(2 * MINUTE_MS);
    assert.equal(world.transport.sent.length, WEBHOOKS * 2);
    assert.equal(world.heard.unheard.length, WEBHOOKS);
  });

  test('leaves to others what is theirs', async (t) => {
    const world = await open(t, 2);
    await world.start();
    world.isHeard = false;
    await world.publish(1);
    world.isHeard = true;
    await world.clock.advance(3 * MINUTE_MS);
    assert.equal(world.transport.sent.length, WEBHOOKS);
    assert.equal(world.heard.unheard.length, WEBHOOKS);
  });

  test('finds nothing where all is well: in progress, failing, retried later, paused', async (t) => {
    const world = await open(t, 1);
    await world.start();
    const [paused = assert.fail(), hanging = assert.fail()] = world.webhooks;
    const { accountId, id } = paused;
    await world.store.updateWebhook(accountId, id, { status: 'paused' }, world.clock.now());
    await world.engines[0]?.webhookChanged(refOf(paused));
    const failing = { kind: 'failure', failure: 'timeout', note: null } as const;
    world.transport.answering = ({ url }) => (url === hanging.url ? 'nothing' : failing);
    for (let turn = 0; turn < 20; turn++) {
      await world.publish(20);
      await world.clock.advance(30_000);
    }
    assert.deepEqual(world.heard.unheard, []);
  });

  test('is over when Posthorn is about to stop', async (t) => {
    const world = await open(t, 1);
    await world.start();
    world.isHeard = false;
    await world.publish(1);
    world.engines[0]?.hold();
    await world.clock.advance(5 * MINUTE_MS);
    assert.deepEqual(world.heard.unheard, []);
  });
});

/** So many engines over one store, each with its share of the webhooks. */
async function open(t: TestContext, count: number) {
  const clock = createFakeClock();
  const random = seeded(t);
  const newId = createIds({ clock, random });
  const vault = createVault(new Uint8Array(32).fill(7));
  const transport = createFakeTransport(() => OK);
  const heard = nothingHeard();
  const engines: Engine[] = [];
  const handOver = (deliveries: DueDelivery[]) => {
    if (!world.isHeard) return;
    for (const [index, share] of Map.groupBy(deliveries, ({ webhookId }) =>
      threadOf(shardOf(webhookId), count),
    )) {
      engines[index]?.handOver(share);
    }
  };
  const store = createLocalStore(':memory:', { newId, handOver });
  t.after(() => store.close());
  const announcements = announcementsInto(heard);
  const lease = ALWAYS_VALID;
  const ports = { store, clock, random, vault, newId, transport, announcements, lease };
  for (let made = 0; made < count; made++) engines.push(createEngine(ports, engineSettings()));
  // By chance alone, one engine in forty or so would have none of them.
  const newIdOfEngine = (index: number): string => {
    const id = newId('webhook');
    return threadOf(shardOf(id), count) === index ? id : newIdOfEngine(index);
  };
  const webhooks = Array.from({ length: WEBHOOKS }, (_, index) => {
    const webhook = webhookOf(DEFAULT_ACCOUNT_ID, newIdOfEngine(index % count), clock.now());
    return { ...webhook, secretSealed: vault.seal(SECRET, secretPlace(refOf(webhook))) };
  });
  for (const webhook of webhooks) await store.createWebhook(webhook, { perAccountMax: 1_000 });

  const world = {
    clock,
    transport,
    heard,
    store,
    newId,
    engines,
    webhooks,
    /** Whether the engines are told of what is published. */
    isHeard: true,
    async start() {
      await Promise.all(
        engines.map((engine, index) =>
          engine.own(shardsOf({ index, of: count }, { drained: true })),
        ),
      );
      await settled();
    },
    async publish(events: number) {
      const accountId = DEFAULT_ACCOUNT_ID;
      const made = Array.from({ length: events }, () => {
        const id = newId('event');
        const createdAt = clock.now();
        return { accountId, id, type: 'user.created', createdAt, body: '{}', deliveries: [] };
      });
      await store.publish({ accountId, webhooksVersion: null, events: made });
      await settled();
    },
  };
  return world;
}
