import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createIds } from '../core/ids.ts';
import type { DueDelivery } from '../core/ports.ts';
import { shardOf, threadOf } from '../core/shards.ts';
import { startStoreMetrics } from '../observe/metrics.ts';
import { systemClock } from '../platform/clock.ts';
import { createRandom } from '../platform/random.ts';
import type { StoreCall } from '../store/sqlite/executor.ts';
import { type BrokenBy, StoreBrokenError } from '../store/sqlite/faults.ts';
import { type OpenStore, openStore } from '../store/sqlite/local-store.ts';
import { DataFileInUseError } from '../store/sqlite/lock.ts';
import { createQueue } from '../store/sqlite/queue.ts';
import { answerCalls } from './channel.ts';
import type { NodePartData } from './node-part.ts';

export interface StoreThreadData {
  path: string;
  /** The ends of those who call the store; the delivery threads' come first. */
  ports: MessagePort[];
  /** Asks what was measured; none where nobody does. */
  metricsPort?: MessagePort;
  deliveryThreads: number;
  /** Where there are several nodes, this thread runs this one; a file has one only. */
  node: NodePartData | null;
}

export type StoreThreadMessage =
  | { kind: 'open' }
  | { kind: 'refused'; message: string }
  | { kind: 'broken'; by: BrokenBy; message: string }
  | { kind: 'closed' };

/**
 * The store thread: all callers' calls of one turn of the event loop share a transaction, and while
 * the disk syncs the next ones gather.
 */
const { path, ports, metricsPort, deliveryThreads } = workerData as StoreThreadData;
/** How to tell each delivery thread. */
const owners: ((news: unknown) => void)[] = [];
const opened = tryOpen();
if (opened !== null) serve(opened);

function tryOpen() {
  try {
    const newId = createIds({ clock: systemClock, random: createRandom() });
    return openStore(path, { newId, handOver });
  } catch (error) {
    if (error instanceof DataFileInUseError) say({ kind: 'refused', message: error.message });
    else sayBroken(error);
    return null;
  }
}

function serve({ executor, close }: OpenStore): void {
  const queue = createQueue(executor, sayBroken);

  for (const [index, port] of ports.entries()) {
    const end = answerCalls<StoreCall>(port, queue.add);
    if (index < deliveryThreads) owners.push(end.tell);
  }
  if (metricsPort !== undefined) answerMetrics(metricsPort);
  parentPort?.on('message', () => {
    queue.finish();
    close();
    say({ kind: 'closed' });
    for (const port of ports) port.close();
    metricsPort?.close();
    parentPort?.close();
  });
  say({ kind: 'open' });
}

function answerMetrics(port: MessagePort): void {
  const metrics = startStoreMetrics();
  answerCalls<'metrics'>(port, (_call, answer) => answer({ ok: true, value: metrics.report() }));
}

/** The process is ended by whoever started this thread; a defect of ours ends the thread itself. */
function sayBroken(error: unknown): void {
  if (!(error instanceof StoreBrokenError)) throw error;
  say({ kind: 'broken', by: error.by, message: error.message });
}

/** Each webhook's deliveries go to the thread that owns its lane. */
function handOver(deliveries: DueDelivery[]): void {
  if (owners.length === 1) {
    owners[0]?.(deliveries);
    return;
  }
  const shares = Map.groupBy(deliveries, ({ webhookId }) =>
    threadOf(shardOf(webhookId), owners.length),
  );
  for (const [owner, share] of shares) owners[owner]?.(share);
}

function say(message: StoreThreadMessage): void {
  parentPort?.postMessage(message);
}
