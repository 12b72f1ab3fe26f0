import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Control, Store } from '../core/ports.ts';
import { shardsOf } from '../core/shards.ts';
import type { NodeSettings } from '../engine/nodes/node.ts';
import { type Caller, createCaller } from './channel.ts';
import { controlOver, type Engines } from './engines.ts';
import type { NodeCall, NodePartData } from './node-part.ts';
import { createLeaseMemory } from './shared-lease.ts';

/** From when deliveries begin until they have ended. */
export interface DeliveryRun {
  control: Control;
  begin(): Promise<void>;
  /** The end is near: nothing that is not ours yet is begun. */
  stay(): Promise<void>;
  end(how: { drained: boolean }): Promise<void>;
}

/** Where there is one node every shard is its own, and the store remembers how the run ended. */
export function soleRun(store: Store, engines: Engines): DeliveryRun {
  let hasBegun = false;
  return {
    control: controlOver(engines),
    async begin() {
      const how = await store.beginRun();
      hasBegun = true;
      await Promise.all(
        engines.map((engine, index) => {
          return engine.call({ kind: 'own', shards: shardsOf({ index, of: engines.length }, how) });
        }),
      );
    },
    async stay() {},
    async end({ drained }) {
      // When it cannot be written, the next start takes this for a crash: it only waits longer.
      if (hasBegun && drained) await store.endRun().catch(() => {});
    },
  };
}

/** What connects the threads of a node among others. */
export interface NodeLink {
  /** For the thread with the store, with the ports that it gets. */
  part: NodePartData;
  /** For each delivery thread. */
  engines: { port: MessagePort; lease: SharedArrayBuffer }[];
  node: Caller<NodeCall>;
  close(): void;
}

export function createNodeLink(settings: NodeSettings, deliveryThreads: number): NodeLink {
  const main = new MessageChannel();
  const deliveries = Array.from({ length: deliveryThreads }, () => new MessageChannel());
  const lease = createLeaseMemory();
  const deliveryPorts = deliveries.map(({ port1 }) => port1);
  return {
    part: { deliveryPorts, mainPort: main.port1, lease, settings },
    engines: deliveries.map(({ port2 }) => ({ port: port2, lease })),
    node: createCaller<NodeCall>(main.port2),
    close: () => main.port2.close(),
  };
}

/** One node among others: shards come and go. */
export function nodeRun({ node, close }: NodeLink, engines: Engines): DeliveryRun {
  return {
    control: {
      async webhookChanged(...args) {
        await node.call({ kind: 'webhookChanged', args });
      },
      async deliveryCancelled(...args) {
        await node.call({ kind: 'deliveryCancelled', args });
      },
      async recoveryCreated(...args) {
        await node.call({ kind: 'recoveryCreated', args });
      },
      // It is nobody's shard: it is sent from here.
      test: controlOver(engines).test,
    },
    async begin() {
      await node.call({ kind: 'join' });
    },
    async stay() {
      await node.call({ kind: 'stay' });
    },
    async end({ drained }) {
      await node.call({ kind: 'leave', drained });
      close();
    },
  };
}
