import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createIds } from '../core/ids.ts';
import type { HandOver } from '../core/ports.ts';
import { startStoreMetrics } from '../observe/metrics.ts';
import { systemClock } from '../platform/clock.ts';
import { createRandom } from '../platform/random.ts';
import { type BrokenBy, StoreBrokenError } from '../store/sqlite/faults.ts';
import { type OpenStore, openStore } from '../store/sqlite/local-store.ts';
import { DataFileInUseError } from '../store/sqlite/lock.ts';
import { createQueue } from '../store/sqlite/queue.ts';
import { answerCalls } from './channel.ts';
import { handOverTo } from './hand-over.ts';
import { answerStoreCalls } from './store-channel.ts';

export interface StoreThreadData {
  path: string;
  /** The ends of those who call the store; the delivery threads' come first. */
  ports: MessagePort[];
  /** Asks what was measured; none where nobody does. */
  metricsPort?: MessagePort;
  deliveryThreads: number;
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
/** To each delivery thread. */
const owners: HandOver[] = [];
const opened = tryOpen();
if (opened !== null) serve(opened);

function tryOpen() {
  try {
    const newId = createIds({ clock: systemClock, random: createRandom() });
    return openStore(path, { newId, handOver: handOverTo(owners) });
  } catch (error) {
    if (error instanceof DataFileInUseError) say({ kind: 'refused', message: error.message });
    else sayBroken(error);
    return null;
  }
}

function serve({ executor, close }: OpenStore): void {
  const queue = createQueue(executor, sayBroken);

  for (const [index, port] of ports.entries()) {
    const handOver = answerStoreCalls(port, queue.add);
    if (index < deliveryThreads) owners.push(handOver);
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

function say(message: StoreThreadMessage): void {
  parentPort?.postMessage(message);
}
