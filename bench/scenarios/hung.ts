import type { Options } from '../options.ts';
import type { Receiver } from '../support/processes.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { type LatencySample, measureLatency } from './latency.ts';
import { alternate, type Pair, pairSeconds } from './pairs.ts';

/** Of the catalogue, and not what the healthy webhook is subscribed to. */
const HUNG_TYPE = 'project.created';
const HANGING_LIMIT_MS = 10_000;

/** The latency of a healthy webhook, without others and beside many whose receivers hang. */
export async function measureHung(
  receiver: Receiver,
  options: Options,
  perSecond: number,
): Promise<Pair<LatencySample>[]> {
  const { webhooks, events, attemptTimeout } = options.hung;
  const settings = {
    POSTHORN_WEBHOOKS_MAX: String(webhooks + 1),
    POSTHORN_ATTEMPT_TIMEOUT: attemptTimeout,
  };
  return await alternate('hung', options.runs, (side) =>
    measureLatency(receiver, options, {
      perSecond,
      seconds: pairSeconds(options, perSecond),
      server: { settings },
      ...(side === 'with' && { disturb }),
    }),
  );

  async function disturb(server: ServerProcess): Promise<void> {
    await createHung(receiver, server, webhooks);
    const { hung } = await receiver.process.call('counts', undefined);
    await publishHung(server, events);
    // Until each has one that hangs, or as many as the server lets; the sample has the number.
    const wanted = { what: 'hung' as const, count: hung + webhooks, limitMs: HANGING_LIMIT_MS };
    await receiver.process.call('waitFor', wanted);
  }
}

export async function createHung(receiver: Receiver, server: ServerProcess, count: number) {
  const [, ...origins] = await receiver.origins(count + 1);
  const webhooks = origins.map((origin) => ({ url: `${origin}/hang/`, events: [HUNG_TYPE] }));
  await server.api.createWebhooks(webhooks);
}

/** Each event is for every webhook that hangs. */
export async function publishHung(server: ServerProcess, events: number): Promise<void> {
  await server.api.publish(HUNG_TYPE, events);
}
