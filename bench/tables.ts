import { loopPerSecond, type Samples, summaries } from './results.ts';
import type { ThroughputSample } from './scenarios/throughput.ts';
import type { ThreadName } from './support/cpu-time.ts';
import { fixed, megabytes, table, whole } from './support/report.ts';
import { type Percentiles, type Spread, spread } from './support/statistics.ts';
import { showBeside } from './tables-beside.ts';

const THREADS: readonly ThreadName[] = ['main', 'store', 'delivery', 'v8', 'other'];

export function showResults(samples: Samples): string {
  const parts: string[] = [];
  if (samples.throughput.length > 0) parts.push(rates(samples), cpu(samples));
  if (samples.latency.length > 0) parts.push(latencies(samples));
  parts.push(...showBeside(samples));
  return parts.join('\n\n');
}

function rates(samples: Samples): string {
  const row = (name: string, { median, min, max }: Spread, rest: readonly string[]) => [
    name,
    whole(median),
    `${whole(min)}–${whole(max)}`,
    ...rest,
  ];
  return table(
    ['deliveries', 'median/s', 'min–max', '÷ loop', '202s/s', '202 p50 ms', '202 p99 ms', 'RSS MB'],
    [
      row('bare loop', loopPerSecond(samples), ['1']),
      ...summaries(samples).map(({ fanOut, deliveriesPerSecond, ofLoop }) =>
        row(`fan-out ${fanOut}`, deliveriesPerSecond, [
          fixed(ofLoop, 2),
          whole(medianOf(samples, fanOut, (run) => run.publishedPerSecond)),
          fixed(
            medianOf(samples, fanOut, (run) => run.publishMs.p50),
            1,
          ),
          fixed(
            medianOf(samples, fanOut, (run) => run.publishMs.p99),
            1,
          ),
          megabytes(medianOf(samples, fanOut, (run) => run.rssBytesMax)),
        ]),
      ),
    ],
  );
}

function cpu(samples: Samples): string {
  const loopUs = spread(samples.loop.map(({ cpuUsPerRequest }) => cpuUsPerRequest));
  const range = ({ min, max }: Spread) => `${fixed(min, 1)}–${fixed(max, 1)}`;
  const rows = summaries(samples).map(({ fanOut, serverCpuUs }) => [
    `fan-out ${fanOut}`,
    fixed(serverCpuUs.median, 1),
    range(serverCpuUs),
    ...THREADS.map((thread) => {
      const us = medianOf(samples, fanOut, (run) => run.threadUs?.[thread] ?? Number.NaN);
      const busy = medianOf(samples, fanOut, (run) => run.threadBusy?.[thread] ?? Number.NaN);
      return `${fixed(us, 1)} (${fixed(busy * 100, 0)} %)`;
    }),
    fixed(
      medianOf(samples, fanOut, (run) => run.cpuUs.receiver),
      1,
    ),
    fixed(
      medianOf(samples, fanOut, (run) => run.cpuUs.load),
      1,
    ),
  ]);
  return table(
    ['CPU µs per delivery', 'server', 'min–max', ...THREADS, 'receiver', 'load'],
    [['bare loop', fixed(loopUs.median, 1), range(loopUs)], ...rows],
  );
}

function latencies({ latency, writeAndSyncMs }: Samples): string {
  const cells = ({ p50, p99, max }: Percentiles) => [p50, p99, max].map((ms) => fixed(ms, 2));
  const disk = writeAndSyncMs === null ? [] : cells(writeAndSyncMs);
  return table(
    ['latency ms', 'samples', 'p50', 'p99', 'max', '202 p50', '202 p99', '202 max'],
    [
      ['a write and sync, alone', whole(writeAndSyncMs?.samples ?? 0), ...disk],
      ...latency.map(({ perSecond, receivedMs, acceptedMs }) => [
        `received, at ${whole(perSecond)}/s`,
        whole(receivedMs.samples),
        ...cells(receivedMs),
        ...cells(acceptedMs),
      ]),
    ],
  );
}

function medianOf(
  { throughput }: Samples,
  fanOut: number,
  value: (run: ThroughputSample) => number,
): number {
  return spread(throughput.filter((run) => run.fanOut === fanOut).map(value)).median;
}
