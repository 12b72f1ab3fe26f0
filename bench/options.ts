/** Everything a run goes by; kept in its report. */
export interface Options {
  /** Interleaved runs, and pairs of runs with and without something. */
  runs: number;
  /** At fan-out 1; `fanOutEvents` at `fanOut`. */
  events: number;
  fanOut: number;
  fanOutEvents: number;
  /** Published before the clock starts, as a share of the events. */
  warmUpShare: number;
  connections: number;
  loopRequests: number;
  loopWarmUp: number;
  loopInFlight: number;
  latencyPerSecond: number;
  latencySeconds: number;
  /** The loop of writes and syncs that latencies are compared with. */
  syncLoopMs: number;
  /** Of each latency that is one of a pair; longer when that would be too few samples. */
  pairSeconds: number;
  pairSamplesMin: number;
  hung: HungOptions;
  slow: SlowOptions;
  classes: ClassesOptions;
  isolation: IsolationOptions;
  backlog: BacklogOptions;
  idle: IdleOptions;
  seed: number;
  /** One step of a scenario may take so long. */
  limitMs: number;
  /** Where data files are made. */
  directory: string;
}

export interface HungOptions {
  webhooks: number;
  /** Each is for every one of them. */
  events: number;
  /** A duration as the server takes it: hung exchanges also end, and others begin, in each run. */
  attemptTimeout: string;
}

export interface SlowOptions {
  webhooks: number;
  delayMs: number;
  /** Each is for one of them. */
  events: number;
}

export interface ClassesOptions {
  classes: readonly ReceiverClass[];
  /** Published before it is measured: several rounds of the slowest. */
  rampSeconds: number;
  seconds: number;
}

/** Webhooks whose receivers answer after the same time, and what they get together. */
export interface ReceiverClass {
  delayMs: number;
  webhooks: number;
  perSecond: number;
}

export interface IsolationOptions {
  webhooks: number;
  /** Each is for every one of them. */
  events: number;
  perSecond: number;
  aloneSeconds: number;
  seconds: number;
  sliceSeconds: number;
  attemptTimeout: string;
  retrySchedule: string;
}

export interface BacklogOptions {
  deliveries: number;
  /** A variant each: the deliveries are spread evenly over so many dead webhooks. */
  webhooks: readonly number[];
  /** Of each throughput that is one of a pair. */
  events: number;
}

export interface IdleOptions {
  webhooks: number;
  accounts: number;
  runs: number;
}

export const FULL: Omit<Options, 'directory'> = {
  runs: 5,
  events: 80_000,
  fanOut: 10,
  fanOutEvents: 14_000,
  warmUpShare: 0.1,
  connections: 128,
  loopRequests: 150_000,
  loopWarmUp: 15_000,
  loopInFlight: 128,
  latencyPerSecond: 50,
  latencySeconds: 12,
  syncLoopMs: 1_000,
  pairSeconds: 6,
  pairSamplesMin: 3_000,
  hung: { webhooks: 1_000, events: 20, attemptTimeout: '5s' },
  slow: { webhooks: 1_000, delayMs: 100, events: 40_000 },
  classes: {
    // Each gets about four fifths of what 8 exchanges at once for each of its webhooks carry.
    classes: [
      { delayMs: 10, webhooks: 2, perSecond: 1_200 },
      { delayMs: 100, webhooks: 8, perSecond: 500 },
      { delayMs: 500, webhooks: 16, perSecond: 200 },
      { delayMs: 5_000, webhooks: 80, perSecond: 100 },
    ],
    rampSeconds: 15,
    seconds: 20,
  },
  isolation: {
    webhooks: 300,
    events: 20,
    perSecond: 50,
    aloneSeconds: 60,
    seconds: 180,
    sliceSeconds: 10,
    // The defaults of `posthorn serve`: the first retries fall due after about 75 s.
    attemptTimeout: '15s',
    retrySchedule: '0s,1m,5m,30m,1h,6h',
  },
  backlog: { deliveries: 1_000_000, webhooks: [10, 1_000], events: 40_000 },
  idle: { webhooks: 100_000, accounts: 100, runs: 3 },
  seed: 1,
  limitMs: 60_000,
};

/** Shows that everything works; its numbers mean nothing. */
export const QUICK: Omit<Options, 'directory'> = {
  ...FULL,
  runs: 1,
  events: 500,
  fanOutEvents: 100,
  loopRequests: 1_000,
  loopWarmUp: 200,
  latencySeconds: 0.4,
  syncLoopMs: 100,
  pairSeconds: 0.3,
  pairSamplesMin: 50,
  hung: { webhooks: 5, events: 2, attemptTimeout: '200ms' },
  slow: { webhooks: 10, delayMs: 20, events: 200 },
  classes: {
    classes: [
      { delayMs: 10, webhooks: 1, perSecond: 100 },
      { delayMs: 100, webhooks: 2, perSecond: 40 },
    ],
    rampSeconds: 0.2,
    seconds: 0.4,
  },
  isolation: {
    webhooks: 5,
    events: 2,
    perSecond: 50,
    aloneSeconds: 0.4,
    seconds: 1,
    sliceSeconds: 0.2,
    attemptTimeout: '200ms',
    retrySchedule: '0s,200ms,200ms',
  },
  backlog: { deliveries: 1_000, webhooks: [10], events: 200 },
  idle: { webhooks: 100, accounts: 10, runs: 1 },
  limitMs: 10_000,
};
