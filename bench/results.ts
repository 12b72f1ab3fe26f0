import type { BacklogSample } from './scenarios/backlog.ts';
import type { LoopSample } from './scenarios/bare-loop.ts';
import type { ClassesSample } from './scenarios/classes.ts';
import type { IsolationSample } from './scenarios/isolation.ts';
import type { LatencySample } from './scenarios/latency.ts';
import type { Pair } from './scenarios/pairs.ts';
import type { PostgresSample } from './scenarios/postgres.ts';
import type { ThroughputSample } from './scenarios/throughput.ts';
import { type Percentiles, type Spread, spread } from './support/statistics.ts';

/** What was measured; empty or null where a scenario was not run. */
export interface Samples {
  loop: LoopSample[];
  throughput: ThroughputSample[];
  /** At the low rate, and then at half load. */
  latency: LatencySample[];
  writeAndSyncMs: Percentiles | null;
  hung: Pair<LatencySample>[];
  slow: Pair<ThroughputSample>[];
  classes: ClassesSample | null;
  isolation: IsolationSample | null;
  backlog: BacklogSample[];
  idle: Pair<LatencySample>[];
  postgres: PostgresSample[];
}

export interface ThroughputSummary {
  fanOut: number;
  runs: number;
  deliveriesPerSecond: Spread;
  /** The medians of both, divided. */
  ofLoop: number;
  serverCpuUs: Spread;
}

export function noSamples(): Samples {
  return {
    loop: [],
    throughput: [],
    latency: [],
    writeAndSyncMs: null,
    hung: [],
    slow: [],
    classes: null,
    isolation: null,
    backlog: [],
    idle: [],
    postgres: [],
  };
}

export function loopPerSecond({ loop }: Samples): Spread {
  return spread(loop.map(({ perSecond }) => perSecond));
}

export function summaries(samples: Samples): ThroughputSummary[] {
  const loop = loopPerSecond(samples).median;
  return [...Map.groupBy(samples.throughput, ({ fanOut }) => fanOut)].map(([fanOut, runs]) => {
    const deliveriesPerSecond = spread(runs.map((run) => run.deliveriesPerSecond));
    return {
      fanOut,
      runs: runs.length,
      deliveriesPerSecond,
      ofLoop: deliveriesPerSecond.median / loop,
      serverCpuUs: spread(runs.map(({ cpuUs }) => cpuUs.server)),
    };
  });
}
