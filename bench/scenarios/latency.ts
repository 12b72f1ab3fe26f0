import type { Options } from '../options.ts';
import { type Receiver, startLoad } from '../support/processes.ts';
import { ServerProcess } from '../support/server-process.ts';
import { type Percentiles, percentiles } from '../support/statistics.ts';
import { expectAccepted } from './throughput.ts';

const WARM_UP_EVENTS = 2_000;

export interface LatencySample {
  perSecond: number;
  /** From when an event was due at the publisher until the receiver had it: what Posthorn adds. */
  receivedMs: Percentiles;
  /** Until the 202. */
  acceptedMs: Percentiles;
}

/** Publish → received at fan-out 1, events begun by the clock whatever comes of the ones before. */
export async function measureLatency(
  receiver: Receiver,
  options: Options,
  run: { perSecond: number; seconds: number },
): Promise<LatencySample> {
  await using load = startLoad();
  await using server = await ServerProcess.start(options);
  await server.createWebhook(`${receiver.url}/latency`);
  await publish(Math.min(WARM_UP_EVENTS, options.events), null);
  const count = Math.ceil(run.perSecond * run.seconds);
  const { published, arrivals } = await publish(count, run.perSecond);
  const { startedAt, answeredAt } = published;
  return {
    perSecond: run.perSecond,
    receivedMs: percentiles(differences(startedAt, arrivals)),
    acceptedMs: percentiles(differences(startedAt, answeredAt)),
  };

  async function publish(count: number, perSecond: number | null) {
    const { connections, limitMs, seed } = options;
    await receiver.process.call('configure', { arrivals: count });
    const { eventsUrl: url, apiKey } = server;
    const plan = { url, apiKey, connections, count, perSecond, limitMs, seed };
    const published = await load.call('publish', plan);
    expectAccepted(published, count);
    const counted = await receiver.process.call('countOf', { count, limitMs });
    const arrivals = await receiver.process.call('arrivalTimes', undefined);
    if (counted.count < count || arrivals.some(Number.isNaN)) {
      throw new Error(`${counted.count} of ${count} deliveries arrived in time`);
    }
    return { published, arrivals };
  }
}

function differences(from: Float64Array, to: Float64Array): Float64Array {
  return to.map((at, index) => at - (from[index] ?? Number.NaN));
}
