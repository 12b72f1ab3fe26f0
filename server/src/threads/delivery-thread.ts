import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createIds } from '../core/ids.ts';
import type { Control, TakenShard, Wake } from '../core/ports.ts';
import type { DrainReport } from '../engine/drain-report.ts';
import { createEngine } from '../engine/engine.ts';
import { ALWAYS_VALID } from '../engine/lease.ts';
import type { EngineSettings } from '../engine/ports.ts';
import { createUndiciTransport } from '../engine/undici-transport.ts';
import { type LogSettings, startLog } from '../observe/log.ts';
import { startDeliveryMetrics } from '../observe/metrics.ts';
import { createAddressPolicy } from '../platform/address-policy.ts';
import { createAnnouncements } from '../platform/announcements.ts';
import { systemClock } from '../platform/clock.ts';
import { systemLookUp } from '../platform/look-ups.ts';
import { createRandom } from '../platform/random.ts';
import { createVault } from '../platform/vault.ts';
import { storeOver } from '../store/calls.ts';
import { answerCalls, answerWith } from './channel.ts';
import { sharedLease } from './shared-lease.ts';
import { createStoreCaller } from './store-channel.ts';

export interface DeliveryThreadData {
  storePort: MessagePort;
  controlPort: MessagePort;
  engine: EngineSettings;
  /** Where there are several nodes: who says which shards are this one's, and how long they are. */
  node: { port: MessagePort; lease: SharedArrayBuffer } | null;
  allowNetworks: readonly string[];
  /** This thread's share of what the process may open and look up at once. */
  socketsMax: number;
  lookUpsMax: number;
  encryptionKey: Uint8Array;
  log: LogSettings;
}

/** What the main thread asks of a delivery thread, and the node where there are several. */
export type ControlCall =
  | { kind: 'own'; shards: readonly TakenShard[] }
  | { kind: 'release'; shards: readonly number[]; limitMs: number }
  | { kind: 'lose'; shards: readonly number[] }
  | { kind: 'woken'; wakes: readonly Wake[] }
  | { kind: 'webhookChanged'; args: Parameters<Control['webhookChanged']> }
  | { kind: 'deliveryCancelled'; args: Parameters<Control['deliveryCancelled']> }
  | { kind: 'recoveryCreated'; args: Parameters<Control['recoveryCreated']> }
  | { kind: 'test'; args: Parameters<Control['test']> }
  | { kind: 'hold' }
  | { kind: 'drain'; limitMs: number }
  | { kind: 'metrics' };

export type DrainAnswer = DrainReport;

/** A delivery thread: one engine, on the lanes of the webhooks whose shards it is given. */
const data = workerData as DeliveryThreadData;
const clock = systemClock;
const random = createRandom();
const announcements = createAnnouncements();
startLog(data.log);
const storeCalls = createStoreCaller(data.storePort, (deliveries) => engine.handOver(deliveries));
const transport = createUndiciTransport(
  { addresses: createAddressPolicy(data.allowNetworks), clock, lookUp: systemLookUp },
  { socketsMax: data.socketsMax, lookUpsMax: data.lookUpsMax },
);
const engine = createEngine(
  {
    store: storeOver(storeCalls.call, async () => {}),
    transport,
    clock,
    random,
    vault: createVault(data.encryptionKey),
    newId: createIds({ clock, random }),
    announcements,
    lease: data.node === null ? ALWAYS_VALID : sharedLease(data.node.lease, clock),
  },
  data.engine,
);
const metrics = startDeliveryMetrics(() => {
  const { lanes, lanesBehind, waiting, inFlight, unsettled } = engine.load();
  return {
    engine_lanes: lanes,
    engine_lanes_behind: lanesBehind,
    engine_waiting: waiting,
    engine_in_flight: inFlight,
    engine_unsettled: unsettled,
    store_calls_waiting: storeCalls.waiting(),
  };
});

for (const port of [data.controlPort, ...(data.node === null ? [] : [data.node.port])]) {
  answerCalls<ControlCall>(port, (call, answer) => {
    void answerWith(() => run(call), answer);
  });
}

async function run(call: ControlCall): Promise<unknown> {
  switch (call.kind) {
    case 'own':
      return await engine.own(call.shards);
    case 'release':
      return await engine.release(call.shards, call.limitMs);
    case 'lose':
      return engine.lose(call.shards);
    case 'woken':
      return await engine.woken(call.wakes);
    case 'webhookChanged':
      return await engine.webhookChanged(...call.args);
    case 'deliveryCancelled':
      return await engine.deliveryCancelled(...call.args);
    case 'recoveryCreated':
      return await engine.recoveryCreated(...call.args);
    case 'test':
      return await engine.test(...call.args);
    case 'hold':
      return engine.hold();
    case 'drain':
      return await drain(call.limitMs);
    case 'metrics':
      return metrics.report();
  }
}

async function drain(limitMs: number): Promise<DrainAnswer> {
  const report = await engine.drain(limitMs);
  await transport.close();
  setImmediate(() => {
    // The answer is on its way; without open ports the thread ends by itself.
    data.storePort.close();
    data.controlPort.close();
    data.node?.port.close();
    parentPort?.close();
  });
  return report;
}
