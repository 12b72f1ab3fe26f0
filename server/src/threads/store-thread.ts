import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createIds } from '../core/ids.ts';
import type { DueDelivery } from '../core/ports.ts';
import { ownerOf } from '../core/shards.ts';
import { systemClock } from '../platform/clock.ts';
import { createRandom } from '../platform/random.ts';
import type { StoreCall } from '../store/sqlite/executor.ts';
import { openStore } from '../store/sqlite/local-store.ts';
import { DataFileInUseError } from '../store/sqlite/lock.ts';
import { type Answer, answerCalls } from './channel.ts';

export interface StoreThreadData {
  path: string;
  /** The ends of those who call the store; the delivery threads' come first. */
  ports: MessagePort[];
  deliveryThreads: number;
}

export type StoreThreadMessage =
  | { kind: 'open' }
  | { kind: 'refused'; message: string }
  | { kind: 'closed' };

/**
 * The store thread: all callers' calls of one turn of the event loop share a transaction, and while
 * the disk syncs the next ones gather.
 */
const { path, ports, deliveryThreads } = workerData as StoreThreadData;
/** How to tell each delivery thread. */
const owners: ((news: unknown) => void)[] = [];
const opened = tryOpen();
if (opened !== null) serve(opened);

function tryOpen() {
  try {
    const newId = createIds({ clock: systemClock, random: createRandom() });
    return openStore(path, { newId, handOver });
  } catch (error) {
    if (!(error instanceof DataFileInUseError)) throw error;
    say({ kind: 'refused', message: error.message });
    return null;
  }
}

function serve({ executor, close }: ReturnType<typeof openStore>): void {
  let waiting: { call: StoreCall; answer: (answer: Answer) => void }[] = [];

  for (const [index, port] of ports.entries()) {
    const end = answerCalls<StoreCall>(port, (call, answer) => {
      if (waiting.push({ call, answer }) === 1) setImmediate(runWaiting);
    });
    if (index < deliveryThreads) owners.push(end.tell);
  }
  parentPort?.on('message', () => {
    runWaiting();
    close();
    say({ kind: 'closed' });
    for (const port of ports) port.close();
    parentPort?.close();
  });
  say({ kind: 'open' });

  function runWaiting(): void {
    const batch = waiting;
    waiting = [];
    const results = executor.run(batch.map(({ call }) => call));
    for (const [index, { answer }] of batch.entries()) {
      const result = results[index];
      if (result !== undefined) answer(result);
    }
  }
}

/** Each webhook's deliveries go to the thread that owns its lane. */
function handOver(deliveries: DueDelivery[]): void {
  if (owners.length === 1) {
    owners[0]?.(deliveries);
    return;
  }
  const shares = Map.groupBy(deliveries, ({ webhookId }) => ownerOf(webhookId, owners.length));
  for (const [owner, share] of shares) owners[owner]?.(share);
}

function say(message: StoreThreadMessage): void {
  parentPort?.postMessage(message);
}
