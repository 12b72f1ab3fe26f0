import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Control, Store } from '../core/ports.ts';
import type { DrainReport } from '../engine/engine.ts';
import type { NodeSettings } from '../engine/nodes/node.ts';
import type { EngineSettings } from '../engine/ports.ts';
import type { MetricReport } from '../observe/instruments.ts';
import type { LogSettings } from '../observe/log.ts';
import { systemClock } from '../platform/clock.ts';
import { guardLog } from '../store/sqlite/database.ts';
import type { StoreCall } from '../store/sqlite/executor.ts';
import { StoreBrokenError } from '../store/sqlite/faults.ts';
import { storeOver } from '../store/sqlite/local-store.ts';
import { DataFileInUseError } from '../store/sqlite/lock.ts';
import { createCaller } from './channel.ts';
import { createNodeLink, nodeRun, soleRun } from './delivery-run.ts';
import type { ControlCall, DeliveryThreadData, DrainAnswer } from './delivery-thread.ts';
import { createGatherer, type Gathered } from './gather.ts';
import type { NodePartData } from './node-part.ts';
import type { StoreThreadData, StoreThreadMessage } from './store-thread.ts';

export interface ThreadSettings {
  /** A file or `:memory:`. */
  path: string;
  deliveryThreads: number;
  /** Null where there is one node only. */
  node: NodeSettings | null;
  engine: EngineSettings;
  allowNetworks: readonly string[];
  /** Connections to receivers and look-ups of names at once, of all delivery threads together. */
  socketsMax: number;
  lookUpsMax: number;
  encryptionKey: Uint8Array;
  log: LogSettings;
}

export interface Threads {
  store: Store;
  control: Control;
  /** Delivery begins; what was pending is looked up first. */
  startDelivery(): Promise<void>;
  /** No delivery starts any more. */
  hold(): Promise<void>;
  drain(limitMs: number): Promise<DrainReport>;
  /** What these threads have measured. */
  metrics(): Promise<Gathered>;
  /** This thread's calls to the store that have no answer yet. */
  storeCallsWaiting(): number;
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
  const storeMetrics = new MessageChannel();
  const metricsPort = storeMetrics.port1;
  const link =
    settings.node === null ? null : createNodeLink(settings.node, settings.deliveryThreads);
  const node = link?.part ?? null;
  const storeWorker = await openStoreThread(settings, { storePorts, metricsPort, node }, crashed);
  const guard = settings.path === ':memory:' ? null : guardLog(settings.path);
  const controls = deliveries.map(({ store, control }, index) => {
    const ports = { storePort: store.port2, controlPort: control.port1 };
    startDeliveryThread(settings, { ...ports, node: link?.engines[index] ?? null }, crashed);
    return createCaller<ControlCall>(control.port2);
  });
  const storeCalls = createCaller<StoreCall>(ownStore.port2);
  const askStore = createCaller<'metrics'>(storeMetrics.port2);
  const store = storeOver(storeCalls.call, async () => {
    guard?.close();
    await closeStore(storeWorker, ownStore.port2);
    storeMetrics.port2.close();
  });
  const run = link === null ? soleRun(store, controls) : nodeRun(link, controls);

  return {
    store,
    control: run.control,
    storeCallsWaiting: storeCalls.waiting,
    metrics: createGatherer(
      [
        async () => (await askStore.call('metrics')) as MetricReport[],
        ...controls.map(
          (control) => async () => (await control.call({ kind: 'metrics' })) as MetricReport[],
        ),
      ],
      systemClock,
    ),
    startDelivery: () => run.begin(),
    async hold() {
      await run.stay();
      await Promise.all(controls.map((control) => control.call({ kind: 'hold' })));
    },
    async drain(limitMs) {
      const answers = await Promise.all(
        controls.map((control) => control.call({ kind: 'drain', limitMs })),
      );
      const report = (answers as DrainAnswer[]).reduce((sum, { abandoned, unsettled }) => ({
        abandoned: sum.abandoned + abandoned,
        unsettled: sum.unsettled + unsettled,
      }));
      await run.end({ drained: report.abandoned + report.unsettled === 0 });
      return report;
    },
  };
}

async function openStoreThread(
  { path, deliveryThreads }: ThreadSettings,
  {
    storePorts: ports,
    metricsPort,
    node,
  }: { storePorts: MessagePort[]; metricsPort: MessagePort; node: NodePartData | null },
  crashed: (error: Error) => void,
): Promise<Worker> {
  const data = { path, ports, metricsPort, deliveryThreads, node };
  const nodePorts = node === null ? [] : [...node.deliveryPorts, node.mainPort];
  const worker = startWorker('./store-thread.ts', data, [...ports, metricsPort, ...nodePorts]);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  worker.on('message', (message: StoreThreadMessage) => {
    if (message.kind === 'open') resolve();
    if (message.kind === 'refused') reject(new DataFileInUseError(message.message));
    if (message.kind === 'broken') reject(new StoreBrokenError(message.by, message.message));
  });
  worker.once('error', reject);
  await promise;
  worker.off('error', reject);
  worker.on('error', crashed);
  worker.on('message', (message: StoreThreadMessage) => {
    if (message.kind === 'broken') crashed(new StoreBrokenError(message.by, message.message));
  });
  return worker;
}

const IN_FLIGHT_OF_SOCKETS = 0.9;

function startDeliveryThread(
  settings: ThreadSettings,
  { node, ...ports }: Pick<DeliveryThreadData, 'storePort' | 'controlPort' | 'node'>,
  crashed: (error: Error) => void,
): void {
  const { allowNetworks, encryptionKey, log, deliveryThreads } = settings;
  const share = (total: number) => Math.max(1, Math.floor(total / deliveryThreads));
  const bounds = { socketsMax: share(settings.socketsMax), lookUpsMax: share(settings.lookUpsMax) };
  // Test calls, second tries and connections that are being closed need some too.
  const inFlightMax = Math.min(
    share(settings.engine.inFlightMax),
    Math.ceil(bounds.socketsMax * IN_FLIGHT_OF_SOCKETS),
  );
  const data: DeliveryThreadData = {
    ...ports,
    ...bounds,
    engine: { ...settings.engine, inFlightMax },
    node,
    allowNetworks,
    encryptionKey,
    log,
  };
  const nodePorts = node === null ? [] : [node.port];
  const worker = startWorker('./delivery-thread.ts', data, [...Object.values(ports), ...nodePorts]);
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
