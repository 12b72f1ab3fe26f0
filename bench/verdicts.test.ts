import assert from 'node:assert/strict';
import test from 'node:test';
import { noSamples, type Samples } from './results.ts';
import type { LatencySample } from './scenarios/latency.ts';
import type { Pair } from './scenarios/pairs.ts';
import type { ThroughputSample } from './scenarios/throughput.ts';
import { showVerdicts, verdictsOf } from './verdicts.ts';

const LATE = Number.POSITIVE_INFINITY;

test('throughput has a floor and a goal, as shares of the bare loop', () => {
  const resultOf = (fanOut: number, deliveriesPerSecond: number) =>
    first({
      loop: [{ perSecond: 1_000, cpuUsPerRequest: 1 }],
      throughput: [throughputSample({ fanOut, deliveriesPerSecond })],
    }).result;
  assert.equal(resultOf(1, 449), 'missed');
  assert.equal(resultOf(1, 450), 'floor met');
  assert.equal(resultOf(1, 600), 'goal met');
  assert.equal(resultOf(10, 599), 'missed');
  assert.equal(resultOf(10, 899), 'floor met');
  assert.equal(resultOf(10, 900), 'goal met');
});

test('a neighbour may cost 5 ms or a fifth of the 99th percentile, whichever is more', () => {
  const resultOf = (without: number, beside: number) =>
    first({ hung: [pair(without, beside)] }).result;
  assert.equal(resultOf(2, 7), 'goal met');
  assert.equal(resultOf(2, 7.1), 'missed');
  assert.equal(resultOf(100, 120), 'goal met');
  assert.equal(resultOf(100, 120.1), 'missed');
});

test('the median of the pairs decides, not the worst of them', () => {
  const [good, bad] = [pair(2, 3), pair(2, 500)];
  assert.equal(first({ hung: [good, bad, good] }).result, 'goal met');
  assert.equal(first({ hung: [good, bad, bad] }).result, 'missed');
});

test('what never arrives is beyond every limit, even when nothing arrived without either', () => {
  assert.equal(first({ hung: [pair(2, LATE)] }).result, 'missed');
  const never = pair(LATE, LATE);
  assert.equal(first({ hung: [never, pair(2, 3), never] }).result, 'missed');
  assert.match(showVerdicts(verdictsOf(samplesWith({ hung: [pair(2, LATE)] }))), /never +MISSED/);
});

test('what is missing and what arrives twice is counted over all scenarios', () => {
  const hung = [pair(2, 2, { missing: 1 })];
  const idle = [pair(2, 2, { missing: 2, duplicates: 3 })];
  const [missing, twice] = verdictsOf(samplesWith({ hung, idle })).slice(-2);
  assert.deepEqual([missing?.measured, missing?.result], ['3', 'missed']);
  assert.deepEqual([twice?.measured, twice?.result], ['3', 'missed']);
});

test('latency at half load is held against the disk of the same run', () => {
  const writeAndSyncMs = { p50: 1, p99: 4, max: 9, samples: 10 };
  const resultOf = (p99: number) =>
    verdictsOf(samplesWith({ latency: [latencySample(1), latencySample(p99)], writeAndSyncMs }))[1];
  assert.equal(resultOf(28)?.result, 'goal met');
  assert.equal(resultOf(28.1)?.result, 'missed');
  assert.equal(resultOf(28)?.goal, '≤ 28.0 ms');
});

test('starts are judged by the median, memory by the most that any run had', () => {
  const idle = [1_000, 2_000, 9_000].map((readyMs) => pair(2, 2, { readyMs }));
  const [, start, memory] = verdictsOf(samplesWith({ idle }));
  assert.deepEqual([start?.result, memory?.result], ['goal met', 'goal met']);
  const large = pair(2, 2, { rssBytesMax: 301 * 1_048_576 });
  const [, , most] = verdictsOf(samplesWith({ idle: [...idle, large] }));
  assert.deepEqual([most?.measured, most?.result], ['301 MB (0 without)', 'missed']);
});

test('what could not be measured is missed, and says so', () => {
  const backlog = [{ deadWebhooks: 10, pending: 5, latency: [pair(2, 2)], throughput: [] }];
  const [latency, throughput, , half, full] = verdictsOf(samplesWith({ backlog }));
  assert.deepEqual([latency?.result, half?.result], ['goal met', 'goal met']);
  assert.deepEqual([throughput?.measured, throughput?.result], ['not measured', 'missed']);
  assert.deepEqual([full?.measured, full?.result], ['not measured', 'missed']);
});

function first(samples: Partial<Samples>) {
  const [verdict] = verdictsOf(samplesWith(samples));
  if (verdict === undefined) throw new Error('nothing was judged');
  return verdict;
}

function samplesWith(samples: Partial<Samples>): Samples {
  return { ...noSamples(), ...samples };
}

function pair(
  without: number,
  beside: number,
  changes?: Partial<LatencySample>,
): Pair<LatencySample> {
  return { without: latencySample(without), with: latencySample(beside, changes) };
}

function latencySample(p99: number, changes: Partial<LatencySample> = {}): LatencySample {
  const ms = { p50: 1, p99, max: p99, samples: 100 };
  return {
    perSecond: 100,
    receivedMs: ms,
    acceptedMs: ms,
    missing: 0,
    duplicates: 0,
    hung: 0,
    readyMs: 100,
    rssBytes: 1,
    rssBytesMax: 1,
    ...changes,
  };
}

function throughputSample(
  of: Pick<ThroughputSample, 'fanOut' | 'deliveriesPerSecond'>,
): ThroughputSample {
  return {
    events: 1,
    elapsedMs: 1,
    publishedPerSecond: 1,
    publishMs: { p50: 1, p99: 1, max: 1, samples: 1 },
    cpuUs: { server: 1, receiver: 1, load: 1 },
    threadUs: null,
    threadBusy: null,
    readyMs: 1,
    rssBytes: 1,
    rssBytesMax: 1,
    duplicates: 0,
    counts: {},
    ...of,
  };
}
