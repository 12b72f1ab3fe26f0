import type { LoadCalls, LoadReport } from '../load.ts';
import type { Options } from '../options.ts';
import type { BenchProcess } from '../support/child-process.ts';
import type { Receiver } from '../support/processes.ts';
import type { NumberedTypes } from '../support/sample-events.ts';
import type { ServerProcess } from '../support/server-process.ts';

export interface Between {
  load: BenchProcess<LoadCalls>;
  server: ServerProcess;
  receiver: Receiver;
  options: Options;
}

export interface NotedSample {
  published: LoadReport;
  /** Monotonic milliseconds; NaN for what had not arrived when the wait for it ended. */
  arrivals: Float64Array;
  /** From when each was due at the publisher; infinite for what is missing. */
  receivedMs: Float64Array;
  acceptedMs: Float64Array;
  missing: number;
  duplicates: number;
  /** Requests that have hung, since the receiver began. */
  hung: number;
}

/** Publishes events of which each is for one webhook, and notes when each arrives. */
export async function publishNoted(
  { load, server, receiver, options }: Between,
  run: { first: number; count: number; perSecond: number | null },
): Promise<NotedSample> {
  const { first, count } = run;
  await receiver.process.call('configure', { first, count });
  const published = await publish({ load, server, options }, { ...run, types: null });
  expectAccepted(published, count);
  const { limitMs } = options;
  const counted = await receiver.process.call('waitFor', { what: 'count', count, limitMs });
  const arrivals = await receiver.process.call('arrivalTimes', undefined);
  return {
    published,
    arrivals,
    receivedMs: differences(published.startedAt, arrivals),
    acceptedMs: differences(published.startedAt, published.answeredAt),
    missing: arrivals.filter(Number.isNaN).length,
    duplicates: counted.duplicates,
    hung: counted.hung,
  };
}

export async function publish(
  { load, server, options }: Omit<Between, 'receiver'>,
  run: { first: number; count: number; perSecond: number | null; types: NumberedTypes | null },
): Promise<LoadReport> {
  const { connections, seed, limitMs } = options;
  const { first: firstSequence, count, perSecond, types } = run;
  const { eventsUrl: url, apiKey } = server;
  const wholeMs = limitMs + (perSecond === null ? 0 : (count / perSecond) * 1_000);
  const plan = { url, apiKey, connections, count, firstSequence, types, perSecond, seed };
  return await load.call('publish', { ...plan, limitMs: wholeMs }, wholeMs + limitMs);
}

export function expectAccepted({ accepted, refused }: LoadReport, count: number): void {
  if (accepted === count) return;
  const others = JSON.stringify(refused);
  throw new Error(`${accepted} of ${count} events were accepted; other answers: ${others}`);
}

export function differences(from: Float64Array, to: Float64Array): Float64Array {
  return to.map((at, index) => (Number.isNaN(at) ? Infinity : at - (from[index] ?? Number.NaN)));
}
