import type { Options } from '../options.ts';
import { prepareBacklog } from '../support/prepared-data.ts';
import type { Receiver } from '../support/processes.ts';
import { type LatencySample, measureLatency } from './latency.ts';
import { alternate, type Pair, pairSeconds } from './pairs.ts';
import { measureThroughput, type ThroughputSample } from './throughput.ts';

export interface BacklogSample {
  deadWebhooks: number;
  pending: number;
  latency: Pair<LatencySample>[];
  throughput: Pair<ThroughputSample>[];
}

/** A healthy webhook on a new data file, and on one in which dead webhooks have much pending. */
export async function measureBacklog(
  receiver: Receiver,
  options: Options,
  run: { deadWebhooks: number; perSecond: number },
): Promise<BacklogSample> {
  const { deadWebhooks, perSecond } = run;
  const { events, deliveries } = options.backlog;
  using prepared = await prepareBacklog(options, { webhooks: deadWebhooks, deliveries });
  const { pending } = prepared;
  const settings = { POSTHORN_WEBHOOKS_MAX: String(deadWebhooks + 2) };
  const server = (side: keyof Pair<unknown>) => ({
    settings,
    copyOf: side === 'with' ? prepared : undefined,
  });
  const seconds = pairSeconds(options, perSecond);
  const latency = await alternate('backlog, latency', options.runs, (side) =>
    measureLatency(receiver, options, { perSecond, seconds, server: server(side) }),
  );
  const throughput = await alternate('backlog, throughput', options.runs, (side) =>
    measureThroughput(receiver, options, { fanOut: 1, events, server: server(side) }),
  );
  for (const { with: beside } of throughput) expectPending(beside, pending);
  return { deadWebhooks, pending, latency, throughput };
}

/** Dead webhooks deliver nothing, and what is not delivered is still pending. */
function expectPending({ counts }: ThroughputSample, pending: number): void {
  if (counts.pending === pending) return;
  throw new Error(`${pending} deliveries were pending; at the end ${JSON.stringify(counts)}`);
}
