import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Control, Store } from '../core/ports.ts';
import { ownerOf } from '../core/shards.ts';
import type { DrainReport, EngineSettings } from '../engine/engine.ts';
import type { LogSettings } from '../observe/log.ts';
import type { StoreCall } from '../store/sqlite/executor.ts';
import { storeOver } from '../store/sqlite/local-store.ts';
import { DataFileInUseError } from '../store/sqlite/lock.ts';
import { type Caller, createCaller } from './channel.ts';
import type { ControlCall, DeliveryThreadData, DrainAnswer } from './delivery-thread.ts';
import type { StoreThreadData, StoreThreadMessage } from './store-thread.ts';

export interface ThreadSettings {
  /** A file or `:memory:`. */
  path: string;
  deliveryThreads: number;
  engine: EngineSettings;
  allowNetworks: readonly string[];
  encryptionKey: Uint8Array;
  log: LogSettings;
}

export interface Threads {
  store: Store;
  control: Control;
  /** Delivery begins; what was pending is looked up first. */
  startDelivery(): Promise<void>;
  drain(limitMs: number): Promise<DrainReport>;
}

/**
 * The store thread and the delivery threads, wired to each other and to this thread, where the API
 * runs. `crashed` is told of a thread that fell: the process cannot go on without it.
 */
export async function startThreads(
  settings: ThreadSettings,
  crashed: (error: Error) => void,
): Promise<Threads> {
  const ownStore = new MessageChannel();
  const deliveries = Array.from({ length: settings.deliveryThreads }, () => ({
    store: new MessageChannel(),
    control: new MessageChannel(),
  }));
  const storePorts = [...deliveries.map(({ store }) => store.port1), ownStore.port1];
  const storeWorker = await openStoreThread(settings, storePorts, crashed);
  const controls = deliveries.map(({ store, control }) => {
    startDeliveryThread(settings, { storePort: store.port2, controlPort: control.port1 }, crashed);
    return createCaller<ControlCall>(control.port2);
  });
  const { call } = createCaller<StoreCall>(ownStore.port2);
  const store = storeOver(call, () => closeStore(storeWorker, ownStore.port2));

  return {
    store,
    control: controlOver(controls),
    async startDelivery() {
      await Promise.all(controls.map((control) => control.call({ kind: 'start' })));
    },
    async drain(limitMs) {
      const answers = await Promise.all(
        controls.map((control) => control.call({ kind: 'drain', limitMs })),
      );
      return (answers as DrainAnswer[]).reduce((sum, { abandoned, unsettled }) => ({
        abandoned: sum.abandoned + abandoned,
        unsettled: sum.unsettled + unsettled,
      }));
    },
  };
}

async function openStoreThread(
  { path, deliveryThreads }: ThreadSettings,
  ports: MessagePort[],
  crashed: (error: Error) => void,
): Promise<Worker> {
  const worker = startWorker('./store-thread.ts', { path, ports, deliveryThreads }, ports);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  worker.on('message', (message: StoreThreadMessage) => {
    if (message.kind === 'open') resolve();
    if (message.kind === 'refused') reject(new DataFileInUseError(message.message));
  });
  worker.once('error', reject);
  await promise;
  worker.off('error', reject);
  worker.on('error', crashed);
  return worker;
}

function startDeliveryThread(
  { engine, allowNetworks, encryptionKey, log }: ThreadSettings,
  ports: { storePort: MessagePort; controlPort: MessagePort },
  crashed: (error: Error) => void,
): void {
  const data: DeliveryThreadData = { ...ports, engine, allowNetworks, encryptionKey, log };
  const worker = startWorker('./delivery-thread.ts', data, Object.values(ports));
  worker.on('error', crashed);
}

function startWorker(
  file: './store-thread.ts' | './delivery-thread.ts',
  workerData: StoreThreadData | DeliveryThreadData,
  transferList: MessagePort[],
): Worker {
  return new Worker(new URL(file, import.meta.url), { workerData, transferList, name: file });
}

async function closeStore(worker: Worker, port: MessagePort): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  worker.on('message', (message: StoreThreadMessage) => {
    if (message.kind === 'closed') resolve();
  });
  worker.postMessage('close');
  await promise;
  port.close();
}

/** Each call goes to the thread that owns the webhook. */
function controlOver(controls: readonly Caller<ControlCall>[]): Control {
  const call = (webhookId: string, call: ControlCall): Promise<unknown> => {
    const control = controls[ownerOf(webhookId, controls.length)];
    if (control === undefined) throw new Error('no delivery thread');
    return control.call(call);
  };
  return {
    async webhookChanged(webhook) {
      await call(webhook.webhookId, { kind: 'webhookChanged', args: [webhook] });
    },
    async test(test) {
      const outcome = await call(test.webhookId, { kind: 'test', args: [test] });
      return outcome as Awaited<ReturnType<Control['test']>>;
    },
  };
}
