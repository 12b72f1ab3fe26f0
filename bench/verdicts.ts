// What Posthorn wants to reach, and what was measured of it. A floor is what no change may fall below;
// a goal is what is aimed at.
import { type Samples, summaries } from './results.ts';
import type { BacklogSample } from './scenarios/backlog.ts';
import type { ClassesSample } from './scenarios/classes.ts';
import type { IsolationSample } from './scenarios/isolation.ts';
import type { LatencySample } from './scenarios/latency.ts';
import type { Pair } from './scenarios/pairs.ts';
import type { PostgresSample } from './scenarios/postgres.ts';
import { fixed, MEGABYTE, megabytes, table, whole } from './support/report.ts';
import { median } from './support/statistics.ts';
import { backlogName, throughputRatio, worstP99 } from './tables-beside.ts';

export interface Verdict {
  what: string;
  floor: string;
  goal: string;
  measured: string;
  result: 'goal met' | 'floor met' | 'missed';
}

const OF_LOOP = { one: { floor: 0.45, goal: 0.6 }, many: { floor: 0.6, goal: 0.9 } };
const LATENCY_P99_MS = 5;
const HALF_LOAD_P99_MS = { fixed: 20, syncs: 2 };
/** A neighbour may cost a healthy webhook so much of its p99, whichever is more. */
const NEIGHBOUR = { factor: 1.2, ms: 5 };
const BACKLOG_THROUGHPUT = 0.95;
const READY_MS = 2_000;
const RSS_BYTES = 300 * MEGABYTE;
const SLOW_THROUGHPUT = 0.8;
const CLASS_THROUGHPUT = 0.9;
/** The database server takes its part of the same machine. */
const POSTGRES_THROUGHPUT = 0.75;

export function showVerdicts(verdicts: readonly Verdict[]): string {
  return table(
    ['what', 'floor', 'goal', 'measured', 'verdict'],
    verdicts.map(({ what, floor, goal, measured, result }) => [
      what,
      floor,
      goal,
      measured,
      result === 'missed' ? 'MISSED' : result,
    ]),
  );
}

/** Only of what was run. */
export function verdictsOf(samples: Samples): Verdict[] {
  const { hung, slow, classes, isolation, backlog, idle, postgres } = samples;
  return [
    ...throughputVerdicts(samples),
    ...latencyVerdicts(samples),
    ...(hung.length > 0 ? [neighbourPairs('p99 beside receivers that hang', hung)] : []),
    ...(slow.length > 0 ? [slowVerdict(slow)] : []),
    ...(classes === null ? [] : classVerdicts(classes)),
    ...(isolation === null ? [] : isolationVerdicts(isolation)),
    ...backlog.flatMap(backlogVerdicts),
    ...(idle.length > 0 ? idleVerdicts(idle) : []),
    ...postgres.map(postgresVerdict),
    ...arrivalVerdicts(samples),
  ];
}

function throughputVerdicts(samples: Samples): Verdict[] {
  return summaries(samples).map(({ fanOut, ofLoop }) =>
    atLeast(`÷ bare loop, fan-out ${fanOut}`, ofLoop, fanOut === 1 ? OF_LOOP.one : OF_LOOP.many),
  );
}

function latencyVerdicts({ latency, writeAndSyncMs }: Samples): Verdict[] {
  const [low, half] = latency;
  const verdicts: Verdict[] = [];
  if (low !== undefined) {
    const what = `p99 published → received, at ${whole(low.perSecond)}/s`;
    verdicts.push(atMost(what, low.receivedMs.p99, LATENCY_P99_MS, milliseconds));
  }
  if (half !== undefined && writeAndSyncMs !== null) {
    const goal = HALF_LOAD_P99_MS.fixed + HALF_LOAD_P99_MS.syncs * writeAndSyncMs.p99;
    const what = `p99 at half load (20 ms + 2 × p99 of a write and sync)`;
    verdicts.push(atMost(what, half.receivedMs.p99, goal, milliseconds));
  }
  return verdicts;
}

function slowVerdict(slow: Samples['slow']): Verdict {
  const ratio = median(slow, throughputRatio);
  return atLeast('throughput to slow receivers, ÷ at 0 ms', ratio, { goal: SLOW_THROUGHPUT });
}

/** Latency is held against that of the same load to receivers that answer at once. */
function classVerdicts({ alone, atOnce, together }: ClassesSample): Verdict[] {
  return alone.flatMap((own, index) => {
    const [control, shared] = [atOnce[index], together[index]];
    if (control === undefined || shared === undefined) return [];
    const name = `receivers of ${whole(own.delayMs)} ms among others`;
    const ratio = shared.arrivedPerSecond / own.arrivedPerSecond;
    return [
      atLeast(`${name}: throughput, ÷ alone`, ratio, { goal: CLASS_THROUGHPUT }),
      neighbour(`${name}: p99`, control.receivedMs.p99, shared.receivedMs.p99),
    ];
  });
}

function isolationVerdicts({ alone, beside }: IsolationSample): Verdict[] {
  const name = 'beside receivers that hang and are retried';
  return [
    neighbour(`p99 ${name}`, alone.receivedMs.p99, beside.receivedMs.p99),
    neighbour(`worst slice's p99 ${name}`, worstP99(alone), worstP99(beside)),
  ];
}

function postgresVerdict({ fanOut, pairs }: PostgresSample): Verdict {
  const ratio = median(pairs, throughputRatio);
  return atLeast(`PostgreSQL ÷ SQLite, fan-out ${fanOut}`, ratio, { goal: POSTGRES_THROUGHPUT });
}

function backlogVerdicts(sample: BacklogSample): Verdict[] {
  const name = backlogName(sample);
  const { latency, throughput } = sample;
  const ratio = median(throughput, throughputRatio);
  return [
    neighbourPairs(`p99 beside ${name}`, latency),
    atLeast(`throughput beside them, ÷ without`, ratio, { goal: BACKLOG_THROUGHPUT }),
    startVerdict('them', [...latency, ...throughput]),
    memoryVerdict('them, half load', latency),
    memoryVerdict('them, full load', throughput),
  ];
}

function idleVerdicts(idle: Samples['idle']): Verdict[] {
  return [
    neighbourPairs('p99 beside idle webhooks', idle),
    startVerdict('idle webhooks', idle),
    memoryVerdict('idle webhooks, half load', idle),
  ];
}

function startVerdict(name: string, pairs: readonly Pair<{ readyMs: number }>[]): Verdict {
  const readyMs = median(pairs, (pair) => pair.with.readyMs);
  return atMost(`ready after a start with ${name}`, readyMs, READY_MS, milliseconds);
}

/** The most that any of the runs ever had, and what the same load took without. */
function memoryVerdict(name: string, pairs: readonly Pair<{ rssBytesMax: number }>[]): Verdict {
  const most = (side: keyof Pair<unknown>) =>
    pairs.reduce((bytes, pair) => Math.max(bytes, pair[side].rssBytesMax), 0) || Number.NaN;
  const show = (bytes: number) => withUnit(megabytes(bytes), 'MB', bytes);
  const verdict = atMost(`most memory with ${name}`, most('with'), RSS_BYTES, show);
  if (pairs.length === 0) return verdict;
  return { ...verdict, measured: `${verdict.measured} (${megabytes(most('without'))} without)` };
}

/** Over everything that was run. A throughput with something missing does not get as far as here. */
function arrivalVerdicts(samples: Samples): Verdict[] {
  const { throughput, latency, hung, slow, classes, isolation, backlog, idle } = samples;
  const both = <Sample>(pairs: readonly Pair<Sample>[]) =>
    pairs.flatMap((pair) => [pair.without, pair.with]);
  const noted = [
    ...latency,
    ...both(hung),
    ...backlog.flatMap((each) => both(each.latency)),
    ...both(idle),
    ...(isolation === null ? [] : [isolation.alone, isolation.beside]),
  ];
  const counted = [
    ...throughput,
    ...both(slow),
    ...backlog.flatMap((each) => both(each.throughput)),
  ];
  const ofClasses =
    classes === null ? [] : [...classes.alone, ...classes.atOnce, ...classes.together];
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const missing = sum([...noted, ...ofClasses].map((each) => each.missing));
  const duplicates =
    sum([...noted, ...counted].map((each) => each.duplicates)) + (classes?.duplicates ?? 0);
  return [
    atMost('deliveries that did not arrive in time', missing, 0, whole),
    atMost('deliveries that arrived twice', duplicates, 0, whole),
  ];
}

function atLeast(what: string, measured: number, of: { floor?: number; goal: number }): Verdict {
  const { floor, goal } = of;
  return {
    what,
    floor: floor === undefined ? '' : `≥ ${floor}`,
    goal: `≥ ${goal}`,
    measured: fixed(measured, 3),
    result: resultOf(measured >= goal, floor !== undefined && measured >= floor),
  };
}

function atMost(
  what: string,
  measured: number,
  goal: number,
  format: (value: number) => string,
): Verdict {
  return {
    what,
    floor: '',
    goal: `≤ ${format(goal)}`,
    measured: format(measured),
    result: resultOf(measured <= goal, false),
  };
}

/** By the median of the pairs of how far each is beyond its own limit. */
function neighbourPairs(what: string, pairs: readonly Pair<LatencySample>[]): Verdict {
  const [without, beside, beyondMs] = [
    median(pairs, (pair) => pair.without.receivedMs.p99),
    median(pairs, (pair) => pair.with.receivedMs.p99),
    median(pairs, (pair) => beyond(pair.without.receivedMs.p99, pair.with.receivedMs.p99)),
  ];
  return { ...neighbour(what, without, beside), result: resultOf(beyondMs <= 0, false) };
}

function neighbour(what: string, without: number, beside: number): Verdict {
  return {
    what,
    floor: '',
    goal: `≤ ${milliseconds(neighbourLimit(without))}`,
    measured: milliseconds(beside),
    result: resultOf(beyond(without, beside) <= 0, false),
  };
}

/** Milliseconds. What never arrived is beyond every limit, also when it did not arrive without. */
function beyond(without: number, beside: number): number {
  return beside === Number.POSITIVE_INFINITY ? beside : beside - neighbourLimit(without);
}

function neighbourLimit(without: number): number {
  return Math.max(without * NEIGHBOUR.factor, without + NEIGHBOUR.ms);
}

/** Also what could not be measured is missed. */
function resultOf(isGoalMet: boolean, isFloorMet: boolean): Verdict['result'] {
  if (isGoalMet) return 'goal met';
  return isFloorMet ? 'floor met' : 'missed';
}

function milliseconds(ms: number): string {
  return withUnit(fixed(ms, ms < 100 ? 1 : 0), 'ms', ms);
}

function withUnit(text: string, unit: string, value: number): string {
  return Number.isFinite(value) ? `${text} ${unit}` : text;
}
