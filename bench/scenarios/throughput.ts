import type { LoadReport } from '../load.ts';
import type { Options } from '../options.ts';
import type { Usage } from '../support/calls.ts';
import { type ThreadTimes, threadTimes, timesBetween } from '../support/cpu-time.ts';
import { type Receiver, startLoad } from '../support/processes.ts';
import { ServerProcess } from '../support/server-process.ts';
import { type Percentiles, percentiles } from '../support/statistics.ts';

export interface ThroughputSample {
  fanOut: number;
  events: number;
  /** From the first publish until the receiver has every delivery. */
  elapsedMs: number;
  deliveriesPerSecond: number;
  /** Until the last 202, by itself. */
  publishedPerSecond: number;
  publishMs: Percentiles;
  /** CPU microseconds per delivery. */
  cpuUs: { server: number; receiver: number; load: number };
  /** The server's, by kind of thread; null where the system does not tell. */
  threadUs: ThreadTimes | null;
  /** The share of the elapsed time in which each kind of thread was running. */
  threadBusy: ThreadTimes | null;
  rssBytes: number;
  rssBytesMax: number;
}

interface Snapshot {
  server: Usage;
  receiver: Usage;
  load: Usage;
  threads: ThreadTimes | null;
}

/** Durable events from the first publish to the last delivery, as fast as the system takes them. */
export async function measureThroughput(
  receiver: Receiver,
  options: Options,
  run: { fanOut: number; events: number; nodeArgs?: readonly string[] },
): Promise<ThroughputSample> {
  const { fanOut, events } = run;
  await using load = startLoad();
  await using server = await ServerProcess.start({ ...options, nodeArgs: run.nodeArgs });
  for (let index = 0; index < fanOut; index++) {
    await server.createWebhook(`${receiver.url}/webhooks/${index}`);
  }
  const warmUp = Math.ceil(events * options.warmUpShare);
  await publishAll(warmUp);

  const before = await snapshot();
  const { published, lastAt } = await publishAll(events);
  const after = await snapshot();
  const counts = await server.stopAndCount();
  const expected = (warmUp + events) * fanOut;
  if (counts.delivered !== expected) {
    throw new Error(`${expected} deliveries were due; the store has ${JSON.stringify(counts)}`);
  }
  return sampleOf({ fanOut, events, published, lastAt, before, after });

  async function publishAll(count: number) {
    await receiver.process.call('configure', {});
    const published = await load.call('publish', {
      url: server.eventsUrl,
      apiKey: server.apiKey,
      connections: options.connections,
      count,
      perSecond: null,
      limitMs: options.limitMs,
      seed: options.seed,
    });
    expectAccepted(published, count);
    const wanted = count * fanOut;
    const counted = await receiver.process.call('countOf', {
      count: wanted,
      limitMs: options.limitMs,
    });
    if (counted.count < wanted) {
      throw new Error(`${counted.count} of ${wanted} deliveries arrived in time`);
    }
    return { published, lastAt: counted.lastAt };
  }

  async function snapshot(): Promise<Snapshot> {
    const usages = [server.usage(), receiver.process.usage(), load.usage()] as const;
    const [ofServer, ofReceiver, ofLoad] = await Promise.all(usages);
    const threads = threadTimes(server.pid);
    return { server: ofServer, receiver: ofReceiver, load: ofLoad, threads };
  }
}

export function expectAccepted({ accepted, refused }: LoadReport, count: number): void {
  if (accepted === count) return;
  const others = JSON.stringify(refused);
  throw new Error(`${accepted} of ${count} events were accepted; other answers: ${others}`);
}

function sampleOf(measured: {
  fanOut: number;
  events: number;
  published: LoadReport;
  lastAt: number;
  before: Snapshot;
  after: Snapshot;
}): ThroughputSample {
  const { fanOut, events, published, lastAt, before, after } = measured;
  const { startedAt, answeredAt } = published;
  const beganAt = startedAt[0] ?? Number.NaN;
  const elapsedMs = lastAt - beganAt;
  const deliveries = events * fanOut;
  const each = (name: 'server' | 'receiver' | 'load') =>
    (after[name].cpuUs - before[name].cpuUs) / deliveries;
  const threads = before.threads && after.threads && timesBetween(before.threads, after.threads);
  return {
    fanOut,
    events,
    elapsedMs,
    deliveriesPerSecond: (deliveries / elapsedMs) * 1_000,
    publishedPerSecond: (events / (lastOf(answeredAt) - beganAt)) * 1_000,
    publishMs: percentiles(answeredAt.map((at, index) => at - (startedAt[index] ?? at))),
    cpuUs: { server: each('server'), receiver: each('receiver'), load: each('load') },
    threadUs: threads && scaled(threads, 1 / deliveries),
    threadBusy: threads && scaled(threads, 1 / (elapsedMs * 1_000)),
    rssBytes: after.server.rssBytes,
    rssBytesMax: after.server.rssBytesMax,
  };
}

function lastOf(times: Float64Array): number {
  return times.reduce((latest, time) => Math.max(latest, time), 0);
}

function scaled(times: ThreadTimes, factor: number): ThreadTimes {
  const entries = Object.entries(times).map(([name, time]) => [name, time * factor]);
  return Object.fromEntries(entries) as ThreadTimes;
}
