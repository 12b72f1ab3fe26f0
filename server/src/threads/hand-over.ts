import type { HandOver } from '../core/ports.ts';
import { shardOf, threadOf } from '../core/shards.ts';

/** Each webhook's deliveries go to the delivery thread that serves it. */
export function handOverTo(threads: readonly HandOver[]): HandOver {
  return (deliveries) => {
    if (threads.length === 1) {
      threads[0]?.(deliveries);
      return;
    }
    const shares = Map.groupBy(deliveries, ({ webhookId }) =>
      threadOf(shardOf(webhookId), threads.length),
    );
    for (const [thread, share] of shares) threads[thread]?.(share);
  };
}
