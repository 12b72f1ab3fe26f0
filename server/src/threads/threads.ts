import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Control, Lease, Store } from '../core/ports.ts';
import { type DrainReport, leftByAll } from '../engine/drain-report.ts';
import { ALWAYS_VALID } from '../engine/lease.ts';
import type { NodeSettings } from '../engine/nodes/node.ts';
import type { EngineSettings } from '../engine/ports.ts';
import type { MetricReport } from '../observe/instruments.ts';
import type { LogSettings } from '../observe/log.ts';
import { systemClock } from '../platform/clock.ts';
import { storeOver } from '../store/calls.ts';
import { guardLog } from '../store/sqlite/database.ts';
import { StoreBrokenError } from '../store/sqlite/faults.ts';
import { DataFileInUseError } from '../store/sqlite/lock.ts';
import { createCaller } from './channel.ts';
import { createNodeLink, type NodeLink, nodeRun, soleRun } from './delivery-run.ts';
import type { ControlCall, DeliveryThreadData, DrainAnswer } from './delivery-thread.ts';
import { createGatherer, type Gathered } from './gather.ts';
import type { NodeThreadData } from './node-thread.ts';
import { sharedLease } from './shared-lease.ts';
import { createStoreCaller } from './store-channel.ts';
import type { StoreThreadData, StoreThreadMessage } from './store-thread.ts';

/** Where everything is kept: a file (or `:memory:`) of this process alone, or a database with many nodes. */
export type Database =
  | { kind: 'sqlite'; path: string }
  | {
      kind: 'postgres';
      url: string;
      /** The same database without a pooler in between. */
      listenUrl: string;
      migrates: boolean;
      node: NodeSettings;
    };

export interface ThreadSettings {
  database: Database;
  deliveryThreads: number;
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
  /** Without a valid one this node may know less than others. */
  lease: Lease;
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
  const { database, deliveryThreads } = settings;
  const link = database.kind === 'sqlite' ? null : createNodeLink(database.node, deliveryThreads);
  const storeWorker = await openStoreThread(settings, { storePorts, metricsPort, link }, crashed);
  const isFile = database.kind === 'sqlite' && database.path !== ':memory:';
  const guard = isFile ? guardLog(database.path) : null;
  const controls = deliveries.map(({ store, control }, index) => {
    const ports = { storePort: store.port2, controlPort: control.port1 };
    startDeliveryThread(settings, { ...ports, node: link?.engines[index] ?? null }, crashed);
    return createCaller<ControlCall>(control.port2);
  });
  const storeCalls = createStoreCaller(ownStore.port2, () => {});
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
    lease: link === null ? ALWAYS_VALID : sharedLease(link.part.lease, systemClock),
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
      const report = leftByAll(answers as DrainAnswer[]);
      await run.end({ drained: report.abandoned + report.unsettled === 0 });
      return report;
    },
  };
}

interface StoreEnds {
  storePorts: MessagePort[];
  metricsPort: MessagePort;
  link: NodeLink | null;
}

async function openStoreThread(
  settings: ThreadSettings,
  ends: StoreEnds,
  crashed: (error: Error) => void,
): Promise<Worker> {
  const worker = startStoreThread(settings, ends);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  worker.on('message', (message: StoreThreadMessage) => {
    if (message.kind === 'open') resolve();
    if (message.kind === 'refused') reject(refusal(settings, message.message));
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

function startStoreThread(
  { database, deliveryThreads, log }: ThreadSettings,
  { storePorts: ports, metricsPort, link }: StoreEnds,
): Worker {
  if (database.kind === 'sqlite') {
    const data = { path: database.path, ports, metricsPort, deliveryThreads };
    return startWorker('./store-thread.ts', data, [...ports, metricsPort]);
  }
  if (link === null) throw new Error('a node has a link');
  const { url, listenUrl, migrates } = database;
  const data = { url, listenUrl, migrates, ports, metricsPort, node: link.part, log };
  const nodePorts = [...link.part.deliveryPorts, link.part.mainPort];
  return startWorker('./node-thread.ts', data, [...ports, metricsPort, ...nodePorts]);
}

/** Why the store could not be opened, which the operator can change. */
function refusal({ database }: ThreadSettings, message: string): Error {
  return database.kind === 'sqlite' ? new DataFileInUseError(message) : new Error(message);
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
  file: './store-thread.ts' | './node-thread.ts' | './delivery-thread.ts',
  workerData: StoreThreadData | NodeThreadData | DeliveryThreadData,
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
