import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Control, Lease, Store } from '../core/ports.ts';
import { shardsOf } from '../core/shards.ts';
import type { DrainReport } from '../engine/engine.ts';
import { ALWAYS_VALID } from '../engine/lease.ts';
import type { EngineSettings } from '../engine/ports.ts';
import type { MetricReport } from '../observe/instruments.ts';
import type { LogSettings } from '../observe/log.ts';
import { systemClock } from '../platform/clock.ts';
import { type StoreCall, storeOver } from '../store/calls.ts';
import { guardLog } from '../store/sqlite/database.ts';
import { StoreBrokenError } from '../store/sqlite/faults.ts';
import { DataFileInUseError } from '../store/sqlite/lock.ts';
import { type Caller, createCaller } from './channel.ts';
import type { DeliveryThreadData, DrainAnswer } from './delivery-thread.ts';
import { controlOfThreads, controlOver, type EngineCall } from './engine-calls.ts';
import { createGatherer, type Gathered } from './gather.ts';
import type { NodeCall, NodeThreadData } from './node-thread.ts';
import { createLeaseMemory, type LeaseMemory, sharedLease } from './shared-lease.ts';
import type { StoreThreadData, StoreThreadMessage } from './store-thread.ts';

/** Where everything is kept: one process with a file (or `:memory:`), or one node among others. */
export type Database =
  | { kind: 'sqlite'; path: string }
  | { kind: 'postgres'; url: string; migrates: boolean; leaseMs: number };

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
  /** Without a valid one nothing may be answered from memory either. */
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

/** What the kind of database decides. */
interface Keeper {
  worker: Worker;
  lease: Lease;
  control: Control;
  start(): Promise<void>;
  /** Deliveries are about to end. */
  hold(): Promise<void>;
  /** They have ended. */
  ended(how: { drained: boolean }): Promise<void>;
  closed(): void;
}

/** What a keeper is opened with: the ends of the channels that lead to its thread. */
interface KeeperEnds {
  storePorts: MessagePort[];
  metricsPort: MessagePort;
  /** To the delivery threads, of the one that takes and gives up shards. */
  deliveryPorts: MessagePort[];
  controls: readonly Caller<EngineCall>[];
  store: Store;
  leaseMemory: LeaseMemory;
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
  const storeMetrics = new MessageChannel();
  const deliveries = Array.from({ length: settings.deliveryThreads }, () => ({
    store: new MessageChannel(),
    control: new MessageChannel(),
    node: new MessageChannel(),
  }));
  const leaseMemory = createLeaseMemory();
  const storeCalls = createCaller<StoreCall>(ownStore.port2);
  const store = storeOver(storeCalls.call, close);
  const controls = deliveries.map(({ control }) => createCaller<EngineCall>(control.port2));
  const open = settings.database.kind === 'sqlite' ? openSqlite : openNode;
  const keeper = await open(
    settings,
    {
      ...{ controls, store, leaseMemory, metricsPort: storeMetrics.port1 },
      storePorts: [...deliveries.map(({ store }) => store.port1), ownStore.port1],
      deliveryPorts: deliveries.map(({ node }) => node.port1),
    },
    crashed,
  );
  const isNode = settings.database.kind === 'postgres';
  for (const { store, control, node } of deliveries) {
    const ports = {
      storePort: store.port2,
      controlPort: control.port1,
      nodePort: isNode ? node.port2 : null,
      lease: isNode ? leaseMemory : null,
    };
    startDeliveryThread(settings, ports, crashed);
  }
  const askStore = createCaller<'metrics'>(storeMetrics.port2);

  return {
    store,
    control: keeper.control,
    lease: keeper.lease,
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
    startDelivery: keeper.start,
    async hold() {
      await keeper.hold();
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
      await keeper.ended({ drained: report.abandoned + report.unsettled === 0 });
      return report;
    },
  };

  async function close(): Promise<void> {
    keeper.closed();
    await closeStore(keeper.worker, ownStore.port2);
    storeMetrics.port2.close();
  }
}

/** One process: it owns everything, and remembers whether it ended with nothing in progress. */
async function openSqlite(
  { database, deliveryThreads }: ThreadSettings,
  { storePorts, metricsPort, deliveryPorts, controls, store }: KeeperEnds,
  crashed: (error: Error) => void,
): Promise<Keeper> {
  if (database.kind !== 'sqlite') throw new Error('unreachable: not a file');
  const { path } = database;
  for (const port of deliveryPorts) port.close();
  const worker = await openWorker(
    './store-thread.ts',
    { path, ports: storePorts, metricsPort, deliveryThreads },
    [...storePorts, metricsPort],
    { crashed, refusedBy: DataFileInUseError },
  );
  const guard = path === ':memory:' ? null : guardLog(path);
  let hasRun = false;

  return {
    worker,
    lease: ALWAYS_VALID,
    control: controlOfThreads(controls),
    async start() {
      const { drained } = await store.beginRun();
      hasRun = true;
      const of = controls.length;
      await Promise.all(
        controls.map((control, index) =>
          control.call({ kind: 'own', shards: shardsOf({ index, of }, { drained }) }),
        ),
      );
    },
    async hold() {},
    async ended({ drained }) {
      // When it cannot be written, the next start takes this for a crash: it only waits longer.
      if (hasRun && drained) await store.endRun().catch(() => {});
    },
    closed: () => guard?.close(),
  };
}

/** One node among others: its thread takes its share of the shards and gives them up again. */
async function openNode(
  { database, log }: ThreadSettings,
  { storePorts, metricsPort, deliveryPorts, leaseMemory }: KeeperEnds,
  crashed: (error: Error) => void,
): Promise<Keeper> {
  if (database.kind !== 'postgres') throw new Error('unreachable: not a database server');
  const { url, migrates, leaseMs } = database;
  const ownNode = new MessageChannel();
  const nodePort = ownNode.port1;
  const worker = await openWorker(
    './node-thread.ts',
    {
      ...{ url, migrates, leaseMs, lease: leaseMemory },
      ...{ ports: storePorts, metricsPort, deliveryPorts, nodePort, log },
    },
    [...storePorts, metricsPort, ...deliveryPorts, nodePort],
    { crashed, refusedBy: Error },
  );
  const node = createCaller<NodeCall>(ownNode.port2);

  return {
    worker,
    lease: sharedLease(leaseMemory),
    control: controlOver((_webhookId, call) => node.call(call)),
    async start() {
      await node.call({ kind: 'join' });
    },
    async hold() {
      await node.call({ kind: 'stay' });
    },
    async ended({ drained }) {
      await node.call({ kind: 'leave', drained });
    },
    closed: () => ownNode.port2.close(),
  };
}

async function openWorker(
  file: './store-thread.ts' | './node-thread.ts',
  data: StoreThreadData | NodeThreadData,
  transferList: MessagePort[],
  {
    crashed,
    refusedBy,
  }: { crashed: (error: Error) => void; refusedBy: new (message: string) => Error },
): Promise<Worker> {
  const worker = startWorker(file, data, transferList);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  worker.on('message', (message: StoreThreadMessage) => {
    if (message.kind === 'open') resolve();
    if (message.kind === 'refused') reject(new refusedBy(message.message));
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
  ports: Pick<DeliveryThreadData, 'storePort' | 'controlPort' | 'nodePort' | 'lease'>,
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
    allowNetworks,
    encryptionKey,
    log,
  };
  const { storePort, controlPort, nodePort } = ports;
  const transferList = [storePort, controlPort, ...(nodePort === null ? [] : [nodePort])];
  const worker = startWorker('./delivery-thread.ts', data, transferList);
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
