// The tables of what a healthy webhook is beside: others that hang, are slow or dead, or are idle.
import type { Samples } from './results.ts';
import type { BacklogSample } from './scenarios/backlog.ts';
import type { ClassesSample } from './scenarios/classes.ts';
import type { HealthyFigures, IsolationSample } from './scenarios/isolation.ts';
import type { LatencySample } from './scenarios/latency.ts';
import type { Pair } from './scenarios/pairs.ts';
import type { PostgresSample } from './scenarios/postgres.ts';
import type { ThroughputSample } from './scenarios/throughput.ts';
import { fixed, megabytes, table, whole } from './support/report.ts';
import { median, spread } from './support/statistics.ts';

export function showBeside(samples: Samples): string[] {
  const { hung, slow, classes, isolation, backlog, idle, postgres } = samples;
  const parts: string[] = [];
  if (hung.length + backlog.length + idle.length > 0) parts.push(latencyPairs(samples));
  if (slow.length > 0 || backlog.length > 0) parts.push(throughputPairs(slow, backlog));
  if (backlog.length > 0 || idle.length > 0) parts.push(starts(backlog, idle));
  if (classes !== null) parts.push(classesTable(classes));
  if (isolation !== null) parts.push(isolationTables(isolation));
  if (postgres.length > 0) parts.push(postgresTable(postgres));
  return parts;
}

export function backlogName({ deadWebhooks, pending }: BacklogSample): string {
  return `${whole(pending)} pending of ${whole(deadWebhooks)} dead webhooks`;
}

function latencyPairs({ hung, backlog, idle }: Samples): string {
  const row = (name: string, pairs: readonly Pair<LatencySample>[]) => {
    const ms = (side: keyof Pair<unknown>, what: 'p50' | 'p99') =>
      fixed(
        median(pairs, (pair) => pair[side].receivedMs[what]),
        2,
      );
    return [
      name,
      whole(pairs.length),
      whole(median(pairs, (pair) => pair.with.perSecond)),
      whole(median(pairs, (pair) => pair.with.receivedMs.samples)),
      ms('without', 'p50'),
      ms('with', 'p50'),
      ms('without', 'p99'),
      ms('with', 'p99'),
      whole(Math.max(...pairs.map((pair) => pair.with.receivedMs.max))),
      whole(pairs.reduce((sum, pair) => sum + pair.with.missing, 0)),
      whole(median(pairs, (pair) => pair.with.hung)),
    ];
  };
  const header = ['healthy latency ms beside', 'pairs', 'per s', 'samples', 'p50 without', 'with'];
  return table(
    [...header, 'p99 without', 'with', 'max with', 'missing', 'requests that hung'],
    [
      ...(hung.length > 0 ? [row('receivers that hang', hung)] : []),
      ...backlog.map((each) => row(backlogName(each), each.latency)),
      ...(idle.length > 0 ? [row('idle webhooks', idle)] : []),
    ],
  );
}

function throughputPairs(slow: Samples['slow'], backlog: readonly BacklogSample[]): string {
  const row = (name: string, pairs: readonly Pair<ThroughputSample>[]) => {
    const ratios = spread(pairs.map(throughputRatio));
    return [
      name,
      whole(pairs.length),
      whole(median(pairs, (pair) => pair.without.deliveriesPerSecond)),
      whole(median(pairs, (pair) => pair.with.deliveriesPerSecond)),
      fixed(ratios.median, 2),
      `${fixed(ratios.min, 2)}–${fixed(ratios.max, 2)}`,
    ];
  };
  return table(
    ['deliveries/s with', 'pairs', 'without', 'with', 'ratio', 'min–max'],
    [
      ...(slow.length > 0 ? [row('receivers that take a while', slow)] : []),
      ...backlog.map((each) => row(backlogName(each), each.throughput)),
    ],
  );
}

export function throughputRatio(pair: Pair<ThroughputSample>): number {
  return pair.with.deliveriesPerSecond / pair.without.deliveriesPerSecond;
}

interface Started {
  readyMs: number;
  rssBytes: number;
  rssBytesMax: number;
}

/** What it takes to start, and the memory then, at half load and under full load. */
function starts(backlog: readonly BacklogSample[], idle: Samples['idle']): string {
  const row = (name: string, half: readonly Started[], full: readonly Started[]) => {
    const readyMs = spread([...half, ...full].map((run) => run.readyMs));
    return [
      name,
      whole(half.length + full.length),
      whole(readyMs.median),
      `${whole(readyMs.min)}–${whole(readyMs.max)}`,
      megabytes(median(half, (run) => run.rssBytes)),
      megabytes(median(half, (run) => run.rssBytesMax)),
      full.length > 0 ? megabytes(median(full, (run) => run.rssBytesMax)) : '',
    ];
  };
  const ofIdle = (side: keyof Pair<unknown>) => idle.map((pair) => pair[side]);
  const idleRows =
    idle.length > 0
      ? [row('a new file', ofIdle('without'), []), row('idle webhooks', ofIdle('with'), [])]
      : [];
  const runs = (of: BacklogSample, side: keyof Pair<unknown>) =>
    [of.latency.map((pair) => pair[side]), of.throughput.map((pair) => pair[side])] as const;
  return table(
    ['start with', 'runs', 'ready ms', 'min–max', 'RSS MB then', 'most, half load', 'full load'],
    [
      ...backlog.flatMap((each) => [
        row('a new file', ...runs(each, 'without')),
        row(backlogName(each), ...runs(each, 'with')),
      ]),
      ...idleRows,
    ],
  );
}

function postgresTable(samples: readonly PostgresSample[]): string {
  const rows = samples.map(({ fanOut, pairs, perEvent }) => {
    const ratios = spread(pairs.map(throughputRatio));
    return [
      `fan-out ${whole(fanOut)}`,
      whole(pairs.length),
      whole(median(pairs, (pair) => pair.without.deliveriesPerSecond)),
      whole(median(pairs, (pair) => pair.with.deliveriesPerSecond)),
      fixed(ratios.median, 2),
      `${fixed(ratios.min, 2)}–${fixed(ratios.max, 2)}`,
      fixed(
        median(perEvent, ({ commits }) => commits),
        3,
      ),
      fixed(
        median(perEvent, ({ statements }) => statements),
        3,
      ),
    ];
  });
  const header = ['deliveries/s', 'pairs', 'SQLite', 'PostgreSQL', 'ratio', 'min–max'];
  return table([...header, 'commits per event', 'statements per event'], rows);
}

function classesTable({ alone, atOnce, together }: ClassesSample): string {
  const rows = alone.map((own, index) => {
    const control = atOnce[index] ?? own;
    const shared = together[index] ?? own;
    return [
      `${whole(own.delayMs)} ms`,
      whole(own.webhooks),
      whole(own.perSecond),
      fixed(own.arrivedPerSecond, 1),
      fixed(shared.arrivedPerSecond, 1),
      fixed(shared.arrivedPerSecond / own.arrivedPerSecond, 2),
      ...[own, control, shared].map(({ receivedMs }) => fixed(receivedMs.p50, 2)),
      ...[own, control, shared].map(({ receivedMs }) => fixed(receivedMs.p99, 2)),
      whole(own.missing + control.missing + shared.missing),
    ];
  });
  const header = ['receivers that take', 'webhooks', 'demand/s', 'alone/s', 'together/s', 'ratio'];
  const latency = ['p50 ms alone', 'all at 0 ms', 'together', 'p99 ms alone', 'all at 0 ms'];
  return table([...header, ...latency, 'together', 'missing'], rows);
}

function isolationTables({ alone, beside }: IsolationSample): string {
  const row = (name: string, { receivedMs, slices, gapMs, missing, hung }: HealthyFigures) => [
    name,
    whole(receivedMs.samples),
    fixed(receivedMs.p50, 2),
    fixed(receivedMs.p99, 2),
    fixed(receivedMs.max, 2),
    fixed(worstP99({ slices }), 2),
    whole(gapMs),
    whole(missing),
    whole(hung),
  ];
  const header = ['a healthy webhook, ms', 'samples', 'p50', 'p99', 'max', 'worst slice p99'];
  const figures = table(
    [...header, 'longest gap', 'missing', 'requests that hung'],
    [row('alone', alone), row('beside receivers that hang', beside)],
  );
  const slices = beside.slices.map(({ p99 }) => fixed(p99, 1)).join(' ');
  return `${figures}\np99 slice by slice: ${slices}`;
}

export function worstP99({ slices }: Pick<HealthyFigures, 'slices'>): number {
  return Math.max(...slices.map(({ p99 }) => p99));
}
