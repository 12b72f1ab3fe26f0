import { ACKNOWLEDGE_MS_MAX } from '../../core/acknowledgement.ts';
import { PosthornError } from '../../core/errors.ts';
import type { Clock, Control, Ownership, WebhookRef } from '../../core/ports.ts';
import { shardOf } from '../../core/shards.ts';

const LOOK_EVERY_MS = 50;

export interface NodeControlParts {
  /** The engine of this node. */
  local: Control;
  /** Whether this node may start something for a shard, and whether it owns it beyond doubt. */
  node: { serves(shard: number): boolean; owns(shard: number): boolean };
  ownership: Pick<Ownership, 'isChangeKnown'>;
  clock: Clock;
}

/**
 * Control of the engine that owns the webhook, at whichever node it is.
 *
 * Whether there is something left for another owner was decided by the store, inside the transaction of
 * the change. What this node believes here may be something else. A shard that is leaving was its own when
 * the change committed, and nothing was left for anybody; one that it believes to own may have been taken
 * while it was frozen, and something was left. So the own engine is asked as long as it serves the shard,
 * and the store as well unless the shard is owned beyond doubt.
 */
export function createNodeControl(parts: NodeControlParts): Control {
  const { local, node } = parts;

  const everywhere = async (webhook: WebhookRef, here: () => Promise<void>): Promise<void> => {
    const shard = shardOf(webhook.webhookId);
    if (node.serves(shard)) await here();
    if (!node.owns(shard)) await untilKnown(webhook, parts);
  };

  return {
    webhookChanged: (webhook) => everywhere(webhook, () => local.webhookChanged(webhook)),
    deliveryCancelled: (webhook, deliveryId) =>
      everywhere(webhook, () => local.deliveryCancelled(webhook, deliveryId)),
    recoveryCreated: (webhook, recoveryId) =>
      everywhere(webhook, () => local.recoveryCreated(webhook, recoveryId)),
    // It passes by the lane, and is sent from wherever it was asked for.
    test: (call) => local.test(call),
  };
}

async function untilKnown(
  webhook: WebhookRef,
  { ownership, clock }: NodeControlParts,
): Promise<void> {
  const endsAt = clock.monotonic() + ACKNOWLEDGE_MS_MAX;
  while (!(await ownership.isChangeKnown(webhook))) {
    if (clock.monotonic() >= endsAt) {
      throw new PosthornError('change_pending', 'Another node has not heard of the change yet.');
    }
    await passed(clock, LOOK_EVERY_MS);
  }
}

function passed(clock: Clock, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.after(ms, resolve);
  return promise;
}
