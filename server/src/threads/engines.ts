import type { Control, OwnedShard } from '../core/ports.ts';
import { shardOf, threadOf } from '../core/shards.ts';
import type { ShardServer } from '../engine/nodes/node.ts';
import type { Caller } from './channel.ts';
import type { ControlCall } from './delivery-thread.ts';

/** The delivery threads, by their index. */
export type Engines = readonly Caller<ControlCall>[];

/** Each call goes to the thread that serves the webhook's shard. */
export function controlOver(engines: Engines): Control {
  const call = (webhookId: string, call: ControlCall): Promise<unknown> =>
    engineOf(engines, shardOf(webhookId)).call(call);
  return {
    async webhookChanged(webhook) {
      await call(webhook.webhookId, { kind: 'webhookChanged', args: [webhook] });
    },
    async deliveryCancelled(webhook, deliveryId) {
      await call(webhook.webhookId, { kind: 'deliveryCancelled', args: [webhook, deliveryId] });
    },
    async recoveryCreated(webhook, recoveryId) {
      await call(webhook.webhookId, { kind: 'recoveryCreated', args: [webhook, recoveryId] });
    },
    async test(test) {
      const outcome = await call(test.webhookId, { kind: 'test', args: [test] });
      return outcome as Awaited<ReturnType<Control['test']>>;
    },
  };
}

/** All of them as one: each shard is for the thread that serves it. */
export function shardServerOver(engines: Engines): ShardServer {
  const each = <Item>(
    items: readonly Item[],
    shard: (item: Item) => number,
    call: (share: Item[]) => ControlCall,
  ): Promise<unknown[]> => {
    const shares = Map.groupBy(items, (item) => threadOf(shard(item), engines.length));
    return Promise.all(
      [...shares.values()].map((share) => {
        const [first] = share;
        if (first === undefined) throw new Error('a group has a member');
        return engineOf(engines, shard(first)).call(call(share));
      }),
    );
  };
  const itself = (shard: number) => shard;
  const numberOf = ({ shard }: Pick<OwnedShard, 'shard'>) => shard;

  return {
    async own(shards) {
      await each(shards, numberOf, (share) => ({ kind: 'own', shards: share }));
    },
    async release(shards, limitMs) {
      const call = (share: number[]) => ({ kind: 'release', shards: share, limitMs }) as const;
      return ((await each(shards, itself, call)) as number[][]).flat();
    },
    async lose(shards) {
      await each(shards, itself, (share) => ({ kind: 'lose', shards: share }));
    },
    async woken(wakes) {
      await each(wakes, numberOf, (share) => ({ kind: 'woken', wakes: share }));
    },
  };
}

function engineOf(engines: Engines, shard: number): Caller<ControlCall> {
  const engine = engines[threadOf(shard, engines.length)];
  if (engine === undefined) throw new Error('no delivery thread');
  return engine;
}
