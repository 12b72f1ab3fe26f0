import type { MessagePort } from 'node:worker_threads';
import type { Announcements } from '../core/announcements.ts';
import type { Control, Ownership } from '../core/ports.ts';
import { Node, type NodeSettings } from '../engine/nodes/node.ts';
import { createNodeControl } from '../engine/nodes/node-control.ts';
import { systemClock } from '../platform/clock.ts';
import { answerCalls, answerWith, createCaller } from './channel.ts';
import type { ControlCall } from './delivery-thread.ts';
import { controlOver, shardServerOver } from './engines.ts';
import { sharedLease } from './shared-lease.ts';

/** What the thread with the store needs to run the node. */
export interface NodePartData {
  /** To each delivery thread, and from the main thread. */
  deliveryPorts: MessagePort[];
  mainPort: MessagePort;
  lease: SharedArrayBuffer;
  settings: NodeSettings;
}

/** What the main thread asks of the node. */
export type NodeCall =
  | { kind: 'join' }
  | { kind: 'stay' }
  | { kind: 'leave'; drained: boolean }
  | { kind: 'webhookChanged'; args: Parameters<Control['webhookChanged']> }
  | { kind: 'deliveryCancelled'; args: Parameters<Control['deliveryCancelled']> }
  | { kind: 'recoveryCreated'; args: Parameters<Control['recoveryCreated']> };

/**
 * Runs the node where the store is: it asks for nothing but the store, so that a main thread busy with
 * requests or a delivery thread busy with handshakes does not cost the process its lease; and what the
 * store's writes believe to own is changed by whoever takes and releases it, without a message in between.
 */
export function runNode(
  { deliveryPorts, mainPort, lease, settings }: NodePartData,
  { ownership, announcements }: { ownership: Ownership; announcements: Pick<Announcements, 'bug'> },
): Node {
  const clock = systemClock;
  const engines = deliveryPorts.map((port) => createCaller<ControlCall>(port));
  const server = shardServerOver(engines);
  const node = new Node(
    { ownership, clock, announcements, server, lease: sharedLease(lease, clock) },
    settings,
  );
  const control = createNodeControl({ local: controlOver(engines), node, ownership, clock });
  answerCalls<NodeCall>(mainPort, (call, answer) => {
    void answerWith(() => run(call), answer);
  });
  return node;

  async function run(call: NodeCall): Promise<void> {
    switch (call.kind) {
      case 'join':
        return await node.join();
      case 'stay':
        return node.stay();
      case 'leave':
        return await node.leave(call);
      case 'webhookChanged':
        return await control.webhookChanged(...call.args);
      case 'deliveryCancelled':
        return await control.deliveryCancelled(...call.args);
      case 'recoveryCreated':
        return await control.recoveryCreated(...call.args);
    }
  }
}
