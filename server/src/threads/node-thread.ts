import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createIds } from '../core/ids.ts';
import { Node } from '../engine/nodes/node.ts';
import { createNodeControl } from '../engine/nodes/node-control.ts';
import { type LogSettings, startLog } from '../observe/log.ts';
import { startStoreMetrics } from '../observe/metrics.ts';
import { createAnnouncements } from '../platform/announcements.ts';
import { systemClock } from '../platform/clock.ts';
import { createRandom } from '../platform/random.ts';
import type { StoreCall } from '../store/calls.ts';
import { expectMigrated, migrate } from '../store/postgres/migrate.ts';
import { openPostgresStore, type PostgresStore } from '../store/postgres/store.ts';
import { answerCalls, answerWith, createCaller } from './channel.ts';
import {
  type ControlCall,
  controlOfThreads,
  type EngineCall,
  runControlCall,
  shardServerOfThreads,
} from './engine-calls.ts';
import { handOverTo } from './hand-over.ts';
import { type LeaseMemory, renewableLease } from './shared-lease.ts';
import type { StoreThreadMessage } from './store-thread.ts';

export interface NodeThreadData {
  url: string;
  /** Whether missing migrations are run first. */
  migrates: boolean;
  leaseMs: number;
  lease: LeaseMemory;
  /** The ends of those who call the store; the delivery threads' come first. */
  ports: MessagePort[];
  /** To each delivery thread, which is told of shards and of what others have left for them. */
  deliveryPorts: MessagePort[];
  /** From the main thread: calls of the API, and the beginning and the end of a run. */
  nodePort: MessagePort;
  metricsPort: MessagePort;
  log: LogSettings;
}

/** What the main thread asks of this one, the store apart. */
export type NodeCall =
  | ControlCall
  | { kind: 'join' }
  | { kind: 'stay' }
  | { kind: 'leave'; drained: boolean };

/** A shard that moves to another node stands still for so long at most. */
const RELEASE_LIMIT_MS = 5_000;

/**
 * The store thread of a node among others: the connections to the database, the node's lease and
 * shards, and what other nodes leave for it.
 */
const data = workerData as NodeThreadData;
const clock = systemClock;
const random = createRandom();
const newId = createIds({ clock, random });
startLog(data.log);
const owners: ((news: unknown) => void)[] = [];
const owned = new Map<number, number>();
const opened = await tryOpen();
if (opened !== null) serve(opened);

async function tryOpen(): Promise<PostgresStore | null> {
  const { url, migrates } = data;
  try {
    if (migrates) await migrate(url);
    else await expectMigrated(url);
    return await openPostgresStore(url, { newId, owned, handOver: handOverTo(owners) });
  } catch (error) {
    say({ kind: 'refused', message: `The database cannot be used: ${(error as Error).message}` });
    return null;
  }
}

function serve({ call, ownership, close }: PostgresStore): void {
  const threads = data.deliveryPorts.map((port) => createCaller<EngineCall>(port));
  const lease = renewableLease(data.lease, clock);
  const node = new Node(
    {
      ...{ ownership, clock, lease, owned, server: shardServerOfThreads(threads) },
      announcements: createAnnouncements(),
    },
    { id: newId('node'), leaseMs: data.leaseMs, releaseLimitMs: RELEASE_LIMIT_MS },
  );
  const control = createNodeControl({
    ...{ ownership, clock, local: controlOfThreads(threads) },
    serves: (shard) => node.serves(shard),
    owns: (shard) => owned.has(shard),
  });

  for (const [index, port] of data.ports.entries()) {
    const end = answerCalls<StoreCall>(port, (asked, answer) => {
      void answerWith(() => call(asked), answer);
    });
    if (index < data.deliveryPorts.length) owners.push(end.tell);
  }
  answerCalls<NodeCall>(data.nodePort, (asked, answer) => {
    void answerWith(() => run(asked), answer);
  });
  const metrics = startStoreMetrics();
  answerCalls<'metrics'>(data.metricsPort, (_call, answer) => {
    answer({ ok: true, value: metrics.report() });
  });
  parentPort?.on('message', () => {
    void close().finally(end);
  });
  say({ kind: 'open' });

  async function run(asked: NodeCall): Promise<unknown> {
    switch (asked.kind) {
      case 'join':
        return await node.join();
      case 'stay':
        return node.stay();
      case 'leave':
        return await node.leave({ drained: asked.drained });
      default:
        return await runControlCall(control, asked);
    }
  }
}

function end(): void {
  say({ kind: 'closed' });
  const { ports, deliveryPorts, nodePort, metricsPort } = data;
  for (const port of [...ports, ...deliveryPorts, nodePort, metricsPort]) port.close();
  parentPort?.close();
}

function say(message: StoreThreadMessage): void {
  parentPort?.postMessage(message);
}
