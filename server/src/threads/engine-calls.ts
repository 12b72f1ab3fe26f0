import type { Control, TakenShard, Wake } from '../core/ports.ts';
import { shardOf, threadOf } from '../core/shards.ts';
import type { ShardServer } from '../engine/nodes/node.ts';
import type { Caller } from './channel.ts';

/** Calls about webhooks, from wherever the API runs to whoever owns them. */
export type ControlCall =
  | { kind: 'webhookChanged'; args: Parameters<Control['webhookChanged']> }
  | { kind: 'deliveryCancelled'; args: Parameters<Control['deliveryCancelled']> }
  | { kind: 'recoveryCreated'; args: Parameters<Control['recoveryCreated']> }
  | { kind: 'test'; args: Parameters<Control['test']> };

/** What a delivery thread is asked. */
export type EngineCall =
  | ControlCall
  | { kind: 'own'; shards: readonly TakenShard[] }
  | { kind: 'release'; shards: readonly number[]; limitMs: number }
  | { kind: 'lose'; shards: readonly number[] }
  | { kind: 'woken'; wakes: readonly Wake[] }
  | { kind: 'hold' }
  | { kind: 'drain'; limitMs: number }
  | { kind: 'metrics' };

/** Makes a control of whatever takes the calls about one webhook. */
export function controlOver(
  ask: (webhookId: string, call: ControlCall) => Promise<unknown>,
): Control {
  return {
    async webhookChanged(webhook) {
      await ask(webhook.webhookId, { kind: 'webhookChanged', args: [webhook] });
    },
    async deliveryCancelled(webhook, deliveryId) {
      await ask(webhook.webhookId, { kind: 'deliveryCancelled', args: [webhook, deliveryId] });
    },
    async recoveryCreated(webhook, recoveryId) {
      await ask(webhook.webhookId, { kind: 'recoveryCreated', args: [webhook, recoveryId] });
    },
    async test(test) {
      const outcome = await ask(test.webhookId, { kind: 'test', args: [test] });
      return outcome as Awaited<ReturnType<Control['test']>>;
    },
  };
}

export async function runControlCall(control: Control, call: ControlCall): Promise<unknown> {
  switch (call.kind) {
    case 'webhookChanged':
      return await control.webhookChanged(...call.args);
    case 'deliveryCancelled':
      return await control.deliveryCancelled(...call.args);
    case 'recoveryCreated':
      return await control.recoveryCreated(...call.args);
    case 'test':
      return await control.test(...call.args);
  }
}

/** The delivery threads of this process: each call goes to the one that serves the webhook. */
export function controlOfThreads(threads: readonly Caller<EngineCall>[]): Control {
  return controlOver(async (webhookId, call) => {
    return await at(threads, threadOf(shardOf(webhookId), threads.length)).call(call);
  });
}

/** The same for shards, which are split among the threads. */
export function shardServerOfThreads(threads: readonly Caller<EngineCall>[]): ShardServer {
  async function each<Item, Result>(
    items: readonly Item[],
    shardOfItem: (item: Item) => number,
    ask: (thread: Caller<EngineCall>, items: Item[]) => Promise<Result>,
  ): Promise<Result[]> {
    const shares = Map.groupBy(items, (item) => threadOf(shardOfItem(item), threads.length));
    return await Promise.all([...shares].map(([thread, share]) => ask(at(threads, thread), share)));
  }
  return {
    async own(taken) {
      await each(
        taken,
        ({ shard }) => shard,
        (thread, shards) => thread.call({ kind: 'own', shards }),
      );
    },
    async release(released, limitMs) {
      const drained = await each(
        released,
        (shard) => shard,
        (thread, shards) => thread.call({ kind: 'release', shards, limitMs }),
      );
      return (drained as number[][]).flat();
    },
    async lose(lost) {
      await each(
        lost,
        (shard) => shard,
        (thread, shards) => thread.call({ kind: 'lose', shards }),
      );
    },
    async woken(all) {
      await each(
        all,
        ({ shard }) => shard,
        (thread, wakes) => thread.call({ kind: 'woken', wakes }),
      );
    },
  };
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new Error('no delivery thread');
  return item;
}
