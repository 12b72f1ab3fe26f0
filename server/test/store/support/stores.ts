import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import { createIds } from '../../../src/core/ids.ts';
import type { DueDelivery, HandOver, Store } from '../../../src/core/ports.ts';
import { SHARDS } from '../../../src/core/shards.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { createRandom } from '../../../src/platform/random.ts';
import { storeOver } from '../../../src/store/calls.ts';
import { openPostgresStore } from '../../../src/store/postgres/store.ts';
import { createLocalStore } from '../../../src/store/sqlite/local-store.ts';
import { createStoreCaller } from '../../../src/threads/store-channel.ts';
import type { StoreThreadData, StoreThreadMessage } from '../../../src/threads/store-thread.ts';
import { migratedDatabase } from '../../support/postgres.ts';
import type { OpenStoreUnderTest } from '../contract/store-under-test.ts';

/** Longer than any test. */
const NODE_LEASE_MS = 600_000;

/** A folder for the files of one store. */
export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'posthorn-store-'));
  return { path, remove: () => rmSync(path, { recursive: true }) };
}

export async function openLocal(path: string, handOver: HandOver): Promise<Store> {
  const newId = createIds({ clock: systemClock, random: createRandom() });
  return createLocalStore(path, { newId, handOver });
}

/** The store in a thread of its own, as the server runs it, with one caller that hears the news too. */
export async function openThread(path: string, handOver: HandOver): Promise<Store> {
  const { port1, port2 } = new MessageChannel();
  const workerData: StoreThreadData = { path, ports: [port1], deliveryThreads: 1 };
  const worker = new Worker(new URL('../../../src/threads/store-thread.ts', import.meta.url), {
    workerData,
    transferList: [port1],
  });
  const [opened] = (await once(worker, 'message')) as [StoreThreadMessage];
  if (opened.kind === 'refused') throw new Error(opened.message);
  const { call } = createStoreCaller(port2, handOver);
  return storeOver(call, async () => {
    const ended = once(worker, 'exit');
    worker.postMessage('close');
    await ended;
    port2.close();
  });
}

/**
 * The store of a node that owns every shard. What is handed over there has the epoch of its shard too,
 * which is for the tests of nodes: the rest is as on every store.
 */
export async function openPostgres(url: string, heard: HandOver): Promise<Store> {
  const handOver: HandOver = (deliveries) => {
    heard(
      deliveries.map(({ epoch, ...delivery }) => {
        assert.ok(epoch !== undefined);
        return delivery;
      }),
    );
  };
  const newId = createIds({ clock: systemClock, random: createRandom() });
  const owned = new Map<number, number>();
  const { store, ownership } = await openPostgresStore(url, {
    newId,
    owned,
    listen: null,
    handOver,
  });
  const nodeId = randomBytes(8).toString('hex');
  await ownership.renew({ id: nodeId, leaseMs: NODE_LEASE_MS });
  for (const { shard, epoch } of await ownership.take(nodeId, SHARDS)) owned.set(shard, epoch);
  assert.equal(owned.size, SHARDS);
  return {
    ...store,
    async close() {
      await ownership.leave(nodeId);
      await store.close();
    },
  };
}

/** A store under test in a database of its own. */
export async function openInDatabase(
  open: (url: string, handOver: HandOver) => Promise<Store>,
): Promise<OpenStoreUnderTest> {
  const { url, drop } = await migratedDatabase();
  return await openAt(url, open, drop);
}

/** A store under test in a folder of its own. */
export async function openInFolder(
  open: (path: string, handOver: HandOver) => Promise<Store>,
): Promise<OpenStoreUnderTest> {
  const folder = temporaryFolder();
  return await openAt(join(folder.path, 'test.db'), open, folder.remove);
}

export async function openAt(
  path: string,
  open: (path: string, handOver: HandOver) => Promise<Store>,
  closed: () => Promise<void> | void = () => {},
): Promise<OpenStoreUnderTest> {
  const handedOver: DueDelivery[][] = [];
  const openStore = () => open(path, (deliveries) => handedOver.push(deliveries));
  let store = await openStore();
  return {
    store,
    handedOver,
    async reopen() {
      await store.close();
      store = await openStore();
      return store;
    },
    async close() {
      await store.close();
      await closed();
    },
  };
}
