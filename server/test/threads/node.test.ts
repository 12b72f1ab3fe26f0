import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { createIds, DEFAULT_ACCOUNT_ID } from '../../src/core/ids.ts';
import type { Ownership } from '../../src/core/ports.ts';
import { secretPlace } from '../../src/core/secret-place.ts';
import { shardOf } from '../../src/core/shards.ts';
import { createNodeLease } from '../../src/engine/nodes/node-lease.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createRandom } from '../../src/platform/random.ts';
import { createVault } from '../../src/platform/vault.ts';
import { storeOver } from '../../src/store/calls.ts';
import { createCaller } from '../../src/threads/channel.ts';
import { createNodeLink, nodeRun } from '../../src/threads/delivery-run.ts';
import type { ControlCall, DeliveryThreadData } from '../../src/threads/delivery-thread.ts';
import { runNode } from '../../src/threads/node-part.ts';
import { createLeaseMemory, sharedLease } from '../../src/threads/shared-lease.ts';
import { createStoreCaller } from '../../src/threads/store-channel.ts';
import type { StoreThreadData } from '../../src/threads/store-thread.ts';
import { createFakeClock } from '../engine/support/fake-clock.ts';
import { OwnershipTable } from '../engine/support/ownership-table.ts';
import { engineSettings } from '../engine/support/settings.ts';
import { webhookOf } from '../store/contract/fixtures.ts';
import { startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const THREADS = 2;
const WEBHOOKS = 8;
const ENCRYPTION_KEY = new Uint8Array(32).fill(7);
const MINUTE_MS = 60_000;

describe('a lease in shared memory', () => {
  test('is valid in every thread for as long as it was extended, by whoever clock that was', async () => {
    const memory = createLeaseMemory();
    // A thread that began long ago, or a moment ago: its clock says something else.
    const renewer = sharedLease(memory, { ...systemClock, monotonic: () => 1e9 });
    const other = sharedLease(memory, systemClock);
    assert.ok(!other.isValid());
    renewer.extend(1e9 + MINUTE_MS);
    assert.ok(other.isValid());
    renewer.extend(1e9);
    assert.ok(!other.isValid());
    renewer.extend(1e9 + MINUTE_MS);
    renewer.end();
    assert.ok(!other.isValid());
  });

  test('says the same as one for a single thread', () => {
    const clock = createFakeClock();
    const lease = createNodeLease(clock);
    const shared = sharedLease(createLeaseMemory(), clock);
    for (const leftMs of [-1, 0, MINUTE_MS]) {
      for (const one of [lease, shared]) one.extend(clock.monotonic() + leftMs);
      assert.equal(shared.isValid(), lease.isValid(), `${leftMs}`);
    }
  });
});

test('A node with several delivery threads delivers what it owns, hears of others, and leaves', async (t) => {
  const world = await open(t);
  await world.publish();
  assert.equal(world.receiver.requests.length, 0);
  await world.run.begin();
  await world.receiver.received(WEBHOOKS);
  // By a hand-over, which names no epoch and so means the first.
  await world.publish();
  await world.receiver.received(2 * WEBHOOKS);

  const [webhook = assert.fail()] = world.webhooks;
  await world.store.updateWebhook(webhook.accountId, webhook.webhookId, { status: 'paused' }, 1);
  await world.run.control.webhookChanged(webhook);
  await world.publish();
  await world.receiver.received(3 * WEBHOOKS - 1);
  await world.store.updateWebhook(webhook.accountId, webhook.webhookId, { status: 'active' }, 2);
  world.table.addWake(shardOf(webhook.webhookId), 'changed', [webhook]);
  await world.receiver.received(3 * WEBHOOKS);
  await until('the wake is forgotten', async () => world.table.wakesLeft === 0);

  await world.run.stay();
  const reports = await Promise.all(
    world.controls.map((control) => control.call({ kind: 'drain', limitMs: 5_000 })),
  );
  assert.deepEqual(reports, Array(THREADS).fill({ abandoned: 0, unsettled: 0 }));
  await world.run.end({ drained: true });
  assert.deepEqual(
    [world.table.row(0).owner, world.table.row(0).drained, world.table.row(63).drained],
    [null, true, true],
  );
});

test('Without a lease none of the delivery threads starts anything', async (t) => {
  const world = await open(t);
  await world.run.begin();
  await world.publish();
  await world.receiver.received(WEBHOOKS);
  world.isReachable = false;
  sharedLease(world.lease, systemClock).end();
  await world.publish();
  // Test calls pass by the lanes: when they have been answered, whatever could start has started.
  for (const { webhookId } of world.webhooks) await world.testCall(webhookId);
  const tests = world.receiver.requests.length - WEBHOOKS;
  assert.equal(tests, WEBHOOKS);
  world.isReachable = true;
  await world.receiver.received(3 * WEBHOOKS);
  await world.end();
});

/** The threads of a node as they are, but for the database: that is a file, and a table in this thread. */
async function open(t: TestContext) {
  const newId = createIds({ clock: systemClock, random: createRandom() });
  const vault = createVault(ENCRYPTION_KEY);
  const receiver = await startReceiver(t);
  const table = new OwnershipTable(() => performance.now(), { taken() {}, released() {} });
  const link = createNodeLink({ id: 'one', leaseMs: 5_000, releaseLimitMs: 20_000 }, THREADS);
  const stores = Array.from({ length: THREADS + 1 }, () => new MessageChannel());
  const storeThread = await startStore(stores.map(({ port1 }) => port1));
  const controls = link.engines.map((node, index) => {
    const { port1, port2 } = new MessageChannel();
    startDelivery({ storePort: portOf(stores, index), controlPort: port1, node });
    return createCaller<ControlCall>(port2);
  });
  const storePort = portOf(stores, THREADS);
  const store = storeOver(createStoreCaller(storePort, () => {}).call, async () => {});
  const webhooks = await subscribe();
  const world = {
    ...{ receiver, table, store, webhooks, controls, lease: link.part.lease },
    run: nodeRun(link, controls),
    /** Whether the table can be asked. */
    isReachable: true,
    async publish() {
      const id = newId('event');
      const of = { accountId: DEFAULT_ACCOUNT_ID, type: 'user.created', createdAt: Date.now() };
      const event = { ...of, id, body: '{}', deliveries: [] };
      await store.publish({ ...of, webhooksVersion: null, events: [event] });
    },
    async testCall(webhookId: string) {
      const of = { accountId: DEFAULT_ACCOUNT_ID, type: 'webhook.test', createdAt: Date.now() };
      const event = { ...of, id: newId('testEvent'), body: '{}' };
      await world.run.control.test({ event, deliveryId: newId('delivery'), webhookId });
    },
    async end() {
      await Promise.all(controls.map((one) => one.call({ kind: 'drain', limitMs: 5_000 })));
      await world.run.end({ drained: true });
    },
  };
  runNode(link.part, { ownership: ownershipOf(world), announcements: { bug: NOT_EXPECTED } });
  t.after(async () => {
    const ended = once(storeThread, 'exit');
    storeThread.postMessage('close');
    await ended;
    storePort.close();
    for (const port of [...link.part.deliveryPorts, link.part.mainPort]) port.close();
  });
  return world;

  async function subscribe() {
    const refs = [];
    for (let made = 0; made < WEBHOOKS; made++) {
      const webhook = webhookOf(DEFAULT_ACCOUNT_ID, newId('webhook'), Date.now());
      const ref = { accountId: webhook.accountId, webhookId: webhook.id };
      const secretSealed = vault.seal('a_secret_of_a_webhook', secretPlace(ref));
      const mine = { ...webhook, url: receiver.url, secretSealed };
      await store.createWebhook(mine, { perAccountMax: 100 });
      refs.push(ref);
    }
    return refs;
  }
}

async function startStore(ports: MessagePort[]): Promise<Worker> {
  const data: StoreThreadData = {
    path: ':memory:',
    ports,
    deliveryThreads: THREADS,
  };
  const worker = startWorker('store-thread.ts', data, ports);
  await once(worker, 'message');
  return worker;
}

function startDelivery(ports: Pick<DeliveryThreadData, 'storePort' | 'controlPort' | 'node'>) {
  const data: DeliveryThreadData = {
    ...ports,
    engine: engineSettings(),
    allowNetworks: ['127.0.0.0/8'],
    socketsMax: 100,
    lookUpsMax: 2,
    encryptionKey: ENCRYPTION_KEY,
    log: { level: 'silent' },
  };
  const node = ports.node === null ? [] : [ports.node.port];
  startWorker('delivery-thread.ts', data, [ports.storePort, ports.controlPort, ...node]);
}

function startWorker(
  file: string,
  workerData: StoreThreadData | DeliveryThreadData,
  transferList: MessagePort[],
): Worker {
  const url = new URL(`../../src/threads/${file}`, import.meta.url);
  return new Worker(url, { workerData, transferList });
}

function portOf(channels: readonly MessageChannel[], index: number): MessagePort {
  return channels[index]?.port2 ?? assert.fail();
}

/** The table as a database that answers a moment later, or not. */
function ownershipOf(world: { table: OwnershipTable; isReachable: boolean }): Ownership {
  const ask = async <Answer>(act: (table: OwnershipTable) => Answer): Promise<Answer> => {
    if (!world.isReachable) await new Promise<never>(() => {});
    return act(world.table);
  };
  return {
    renew: (node) => ask((table) => table.renew(node)),
    take: (id, limit) => ask((table) => table.take(id, limit)),
    release: (id, shards, how) => ask((table) => table.release(id, shards, how)),
    leave: (id) => ask((table) => table.leave(id)),
    wakes: (shards, limit) => ask((table) => table.wakes(shards, limit)),
    forgetWakes: (wakes, shards) => ask((table) => table.forgetWakes(wakes, shards)),
    isChangeKnown: (webhook) => ask((table) => table.isChangeKnown(webhook)),
  };
}

const NOT_EXPECTED = {
  hasSubscribers: true,
  publish: ({ error }: { error: unknown }) => {
    throw error;
  },
};
