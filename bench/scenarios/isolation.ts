import type { Options } from '../options.ts';
import { type Receiver, startLoad } from '../support/processes.ts';
import { EVENT_TYPE } from '../support/sample-events.ts';
import { ServerProcess } from '../support/server-process.ts';
import { type Percentiles, percentiles } from '../support/statistics.ts';
import { createHung, publishHung } from './hung.ts';
import { type NotedSample, publishNoted } from './publish.ts';

const WARM_UP_EVENTS = 500;

export interface IsolationSample {
  alone: HealthyFigures;
  /** From the moment at which the events for the webhooks that hang are published. */
  beside: HealthyFigures;
}

export interface HealthyFigures {
  receivedMs: Percentiles;
  /** By when they were due, in order. */
  slices: Percentiles[];
  /** The longest time in which nothing arrived at the healthy receiver. */
  gapMs: number;
  missing: number;
  duplicates: number;
  /** Requests that hung meanwhile, retries included. */
  hung: number;
}

/**
 * A healthy webhook alone, and then beside many that hang, each with a queue, for as long as it takes
 * until their retries have fallen due.
 */
export async function measureIsolation(
  receiver: Receiver,
  options: Options,
): Promise<IsolationSample> {
  const { isolation } = options;
  const { perSecond } = isolation;
  const settings = {
    POSTHORN_ATTEMPT_TIMEOUT: isolation.attemptTimeout,
    POSTHORN_RETRY_SCHEDULE: isolation.retrySchedule,
  };
  await using load = startLoad();
  await using server = await ServerProcess.start({ ...options, settings });
  await server.api.createWebhooks([
    { url: `${await receiver.origin()}/healthy`, events: [EVENT_TYPE] },
  ]);
  await createHung(receiver, server, isolation.webhooks);
  const between = { load, server, receiver, options };
  await publishNoted(between, { first: 0, count: WARM_UP_EVENTS, perSecond: null });

  const count = Math.ceil(isolation.aloneSeconds * perSecond);
  const alone = await publishNoted(between, { first: WARM_UP_EVENTS, count, perSecond });
  const [beside] = await Promise.all([
    publishNoted(between, {
      first: WARM_UP_EVENTS + count,
      count: Math.ceil(isolation.seconds * perSecond),
      perSecond,
    }),
    publishHung(server, isolation.events),
  ]);
  const { sliceSeconds } = isolation;
  return {
    alone: figuresOf(alone, { sliceSeconds, hung: 0 }),
    beside: figuresOf(beside, { sliceSeconds, hung: beside.hung - alone.hung }),
  };
}

function figuresOf(
  sample: NotedSample,
  { sliceSeconds, hung }: { sliceSeconds: number; hung: number },
): HealthyFigures {
  const { receivedMs, missing, duplicates } = sample;
  return {
    receivedMs: percentiles(receivedMs),
    slices: slicesOf(sample, sliceSeconds * 1_000),
    gapMs: longestGap(sample.arrivals),
    missing,
    duplicates,
    hung,
  };
}

function slicesOf({ published, receivedMs }: NotedSample, sliceMs: number): Percentiles[] {
  const { startedAt } = published;
  const beganAt = startedAt[0] ?? Number.NaN;
  const sliceOf = (at: number | undefined) => Math.floor(((at ?? Number.NaN) - beganAt) / sliceMs);
  const count = sliceOf(startedAt.at(-1)) + 1;
  return Array.from({ length: count }, (_, slice) =>
    percentiles(receivedMs.filter((_ms, index) => sliceOf(startedAt[index]) === slice)),
  );
}

function longestGap(arrivals: Float64Array): number {
  const sorted = arrivals.filter((at) => !Number.isNaN(at)).toSorted();
  return sorted.reduce((gap, at, index) => Math.max(gap, at - (sorted[index - 1] ?? at)), 0);
}
