import type { LoadReport } from '../load.ts';
import type { Options } from '../options.ts';
import type { Usage } from '../support/calls.ts';
import { type ThreadTimes, threadTimes, timesBetween } from '../support/cpu-time.ts';
import { type Receiver, startLoad } from '../support/processes.ts';
import type { NumberedTypes } from '../support/sample-events.ts';
import { type ServerOptions, ServerProcess } from '../support/server-process.ts';
import { type Percentiles, percentiles } from '../support/statistics.ts';
import { expectAccepted, publish } from './publish.ts';

export interface ThroughputRun {
  fanOut: number;
  events: number;
  /** Null: all of one type. */
  types?: NumberedTypes | null;
  /** Creates the webhooks; without it, as many that are subscribed to everything as events fan out. */
  prepare?: (server: ServerProcess) => Promise<void>;
  server?: Partial<ServerOptions>;
}

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
  readyMs: number;
  rssBytes: number;
  rssBytesMax: number;
  duplicates: number;
  /** What was in the data file at the end, by status. */
  counts: Record<string, number>;
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
  run: ThroughputRun,
): Promise<ThroughputSample> {
  const { fanOut, events } = run;
  await using load = startLoad();
  await using server = await ServerProcess.start({ ...options, ...run.server });
  if (run.prepare === undefined) await subscribeToAll(server, await receiver.origin(), fanOut);
  else await run.prepare(server);
  const warmUp = Math.ceil(events * options.warmUpShare);
  await publishAll(warmUp);

  const before = await snapshot();
  const { published, lastAt } = await publishAll(events);
  const after = await snapshot();
  const { readyMs } = server;
  const counts = await server.stopAndCount();
  const expected = (warmUp + events) * fanOut;
  if (counts.delivered !== expected) {
    throw new Error(`${expected} deliveries were due; the store has ${JSON.stringify(counts)}`);
  }
  const received = await receiver.process.call('counts', undefined);
  const duplicates = received.count - events * fanOut;
  return {
    ...sampleOf({ fanOut, events, published, lastAt, before, after }),
    readyMs,
    duplicates,
    counts,
  };

  async function publishAll(count: number) {
    await receiver.process.call('configure', null);
    const plan = { first: 0, count, perSecond: null, types: run.types ?? null };
    const published = await publish({ load, server, options }, plan);
    expectAccepted(published, count);
    const wanted = { what: 'count' as const, count: count * fanOut, limitMs: options.limitMs };
    const counted = await receiver.process.call('waitFor', wanted);
    if (counted.count < wanted.count) {
      throw new Error(`${counted.count} of ${wanted.count} deliveries arrived in time`);
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

async function subscribeToAll(server: ServerProcess, origin: string, webhooks: number) {
  const urls = Array.from({ length: webhooks }, (_, index) => `${origin}/webhooks/${index}`);
  await server.api.createWebhooks(urls.map((url) => ({ url, events: ['*'] })));
}

function sampleOf(measured: {
  fanOut: number;
  events: number;
  published: LoadReport;
  lastAt: number;
  before: Snapshot;
  after: Snapshot;
}): Omit<ThroughputSample, 'readyMs' | 'duplicates' | 'counts'> {
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
