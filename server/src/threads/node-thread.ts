import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createIds } from '../core/ids.ts';
import type { HandOver } from '../core/ports.ts';
import type { Node } from '../engine/nodes/node.ts';
import { type LogSettings, startLog } from '../observe/log.ts';
import { startStoreMetrics } from '../observe/metrics.ts';
import { createAnnouncements } from '../platform/announcements.ts';
import { systemClock } from '../platform/clock.ts';
import { createRandom } from '../platform/random.ts';
import { believing } from '../store/postgres/believing.ts';
import { expectMigrated, migrate } from '../store/postgres/migrate.ts';
import { openPostgresStore, type PostgresStore } from '../store/postgres/store.ts';
import { answerCalls, answerWith } from './channel.ts';
import { handOverTo } from './hand-over.ts';
import { type NodePartData, runNode } from './node-part.ts';
import { answerStoreCalls } from './store-channel.ts';
import type { StoreThreadMessage } from './store-thread.ts';

export interface NodeThreadData {
  url: string;
  /** The same database without a pooler in between. */
  listenUrl: string;
  /** Whether missing migrations are run first. */
  migrates: boolean;
  /** The ends of those who call the store; the delivery threads' come first. */
  ports: MessagePort[];
  metricsPort: MessagePort;
  node: NodePartData;
  log: LogSettings;
}

/**
 * The store thread of a node among others: the connections to the database, and the node's lease and
 * shards.
 */
const { url, listenUrl, migrates, ports, metricsPort, node, log } = workerData as NodeThreadData;
/** To each delivery thread. */
const owners: HandOver[] = [];
/** What the store's writes go by. */
const owned = new Map<number, number>();
let running: Node | null = null;
startLog(log);
const opened = await tryOpen();
if (opened !== null) serve(opened);

async function tryOpen(): Promise<PostgresStore | null> {
  const newId = createIds({ clock: systemClock, random: createRandom() });
  try {
    if (migrates) await migrate(url);
    else await expectMigrated(url);
    return await openPostgresStore(url, {
      ...{ newId, owned, handOver: handOverTo(owners) },
      listen: { url: listenUrl, heard: () => running?.hasten() },
    });
  } catch (error) {
    say({ kind: 'refused', message: `The database cannot be used: ${(error as Error).message}` });
    return null;
  }
}

function serve({ call, ownership, close }: PostgresStore): void {
  running = runNode(node, {
    ownership: believing(ownership, owned),
    announcements: createAnnouncements(),
  });
  for (const [index, port] of ports.entries()) {
    const handOver = answerStoreCalls(port, (asked, answer) => {
      void answerWith(() => call(asked), answer);
    });
    if (index < node.deliveryPorts.length) owners.push(handOver);
  }
  const metrics = startStoreMetrics();
  answerCalls<'metrics'>(metricsPort, (_call, answer) => {
    answer({ ok: true, value: metrics.report() });
  });
  parentPort?.on('message', () => {
    void close().finally(end);
  });
  say({ kind: 'open' });
}

function end(): void {
  say({ kind: 'closed' });
  const { deliveryPorts, mainPort } = node;
  for (const port of [...ports, metricsPort, ...deliveryPorts, mainPort]) port.close();
  // Of this thread alone: a connection that says nothing any more would keep it.
  process.exit();
}

function say(message: StoreThreadMessage): void {
  parentPort?.postMessage(message);
}
