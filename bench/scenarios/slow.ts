import type { Options } from '../options.ts';
import type { Receiver } from '../support/processes.ts';
import { typeNames } from '../support/sample-events.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { alternate, type Pair } from './pairs.ts';
import { measureThroughput, type ThroughputSample } from './throughput.ts';

/**
 * Throughput over many webhooks whose receivers take a while, as real ones do, and over the same
 * webhooks when they answer at once. Each event is for one of them.
 */
export async function measureSlow(
  receiver: Receiver,
  options: Options,
): Promise<Pair<ThroughputSample>[]> {
  const { webhooks, delayMs, events } = options.slow;
  const types = { prefix: 'bench.t', count: webhooks };
  const origins = await receiver.origins(webhooks);
  return await alternate('slow', options.runs, (side) =>
    measureThroughput(receiver, options, {
      fanOut: 1,
      events,
      types,
      prepare: (server) => createWebhooks(server, side === 'with' ? delayMs : 0),
      server: { settings: { POSTHORN_WEBHOOKS_MAX: String(webhooks) } },
    }),
  );

  async function createWebhooks(server: ServerProcess, ms: number): Promise<void> {
    const names = typeNames(types);
    await server.api.addEventTypes(names);
    await server.api.createWebhooks(
      origins.map((origin, index) => ({
        url: `${origin}/delay/${ms}/`,
        events: [names[index] ?? ''],
      })),
    );
  }
}
