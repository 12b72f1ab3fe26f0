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

/**
 * A healthy webhook on a new data file, and on one in which dead webhooks have much pending. What was
 * measured is in `sample` also when a later step fails.
 */
export async function measureBacklog(
  receiver: Receiver,
  options: Options,
  { sample, perSecond }: { sample: BacklogSample; perSecond: number },
): Promise<void> {
  const { deadWebhooks } = sample;
  const { events, deliveries } = options.backlog;
  using prepared = await prepareBacklog(options, { webhooks: deadWebhooks, deliveries });
  sample.pending = prepared.pending;
  const settings = { POSTHORN_WEBHOOKS_MAX: String(deadWebhooks + 2) };
  const server = (side: keyof Pair<unknown>) => ({
    settings,
    copyOf: side === 'with' ? prepared : undefined,
  });
  const seconds = pairSeconds(options, perSecond);
  sample.latency = await alternate('backlog, latency', options.runs, (side) =>
    measureLatency(receiver, options, { perSecond, seconds, server: server(side) }),
  );
  sample.throughput = await alternate('backlog, throughput', options.runs, (side) =>
    measureThroughput(receiver, options, { fanOut: 1, events, server: server(side) }),
  );
  for (const pair of sample.throughput) expectPending(pair.with, sample.pending);
}

/** Dead webhooks deliver nothing, and what is not delivered is still pending. */
function expectPending({ counts }: ThroughputSample, pending: number): void {
  if (counts.pending === pending) return;
  throw new Error(`${pending} deliveries were pending; at the end ${JSON.stringify(counts)}`);
}
