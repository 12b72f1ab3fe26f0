import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import { createIds } from '../../../src/core/ids.ts';
import type { DueDelivery, HandOver, Store } from '../../../src/core/ports.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { createRandom } from '../../../src/platform/random.ts';
import type { StoreCall } from '../../../src/store/sqlite/executor.ts';
import { createLocalStore, storeOver } from '../../../src/store/sqlite/local-store.ts';
import { createCaller } from '../../../src/threads/channel.ts';
import type { StoreThreadData, StoreThreadMessage } from '../../../src/threads/store-thread.ts';
import type { OpenStoreUnderTest } from '../contract/store-under-test.ts';

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
  const workerData: StoreThreadData = { path, ports: [port1], deliveryThreads: 1, node: null };
  const worker = new Worker(new URL('../../../src/threads/store-thread.ts', import.meta.url), {
    workerData,
    transferList: [port1],
  });
  const [opened] = (await once(worker, 'message')) as [StoreThreadMessage];
  if (opened.kind === 'refused') throw new Error(opened.message);
  const { call } = createCaller<StoreCall>(port2, (news) => handOver(news as DueDelivery[]));
  return storeOver(call, async () => {
    const ended = once(worker, 'exit');
    worker.postMessage('close');
    await ended;
    port2.close();
  });
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
  closed: () => void = () => {},
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
      closed();
    },
  };
}
