import type { Options } from '../options.ts';
import { type Receiver, startLoad } from '../support/processes.ts';
import { EVENT_TYPE } from '../support/sample-events.ts';
import { type ServerOptions, ServerProcess } from '../support/server-process.ts';
import { type Percentiles, percentiles } from '../support/statistics.ts';
import { publishNoted } from './publish.ts';

/**
 * Published before it is measured. V8 compiles what serves a request for speed after some 15,000 of them, and
 * anew after the first connections have ended, as they do after each of these.
 */
const WARM_UPS = [2_000, 20_000];

export interface LatencyRun {
  perSecond: number;
  seconds: number;
  server?: Partial<ServerOptions>;
  /** Begins what is to disturb, after the warm-up: a webhook that works is known to work. */
  disturb?: (server: ServerProcess) => Promise<void>;
}

export interface LatencySample {
  perSecond: number;
  /** From when an event was due at the publisher until the receiver had it: what Posthorn adds. */
  receivedMs: Percentiles;
  /** Until the 202. */
  acceptedMs: Percentiles;
  /** What had not arrived when the wait for it ended; its latency counts as infinite. */
  missing: number;
  duplicates: number;
  /** Requests that hung since the disturbance began, by intention. */
  hung: number;
  readyMs: number;
  /** When it was ready, and the most it ever had. */
  rssBytes: number;
  rssBytesMax: number;
}

/** Publish → received at fan-out 1, events begun by the clock whatever comes of the ones before. */
export async function measureLatency(
  receiver: Receiver,
  options: Options,
  run: LatencyRun,
): Promise<LatencySample> {
  await using load = startLoad();
  await using server = await ServerProcess.start({ ...options, ...run.server });
  const { rssBytes } = await server.usage();
  const url = `${await receiver.origin()}/latency`;
  await server.api.createWebhooks([{ url, events: [EVENT_TYPE] }]);
  const between = { receiver, load, server, options };
  let first = 0;
  for (const events of WARM_UPS) {
    const count = Math.min(events, options.events);
    await publishNoted(between, { first, count, perSecond: null });
    first += count;
  }

  const before = await receiver.process.call('counts', undefined);
  await run.disturb?.(server);
  const { perSecond } = run;
  const count = Math.ceil(perSecond * run.seconds);
  const sample = await publishNoted(between, { first, count, perSecond });
  const { missing, duplicates } = sample;
  return {
    perSecond,
    receivedMs: percentiles(sample.receivedMs),
    acceptedMs: percentiles(sample.acceptedMs),
    missing,
    duplicates,
    hung: sample.hung - before.hung,
    readyMs: server.readyMs,
    rssBytes,
    rssBytesMax: (await server.usage()).rssBytesMax,
  };
}
