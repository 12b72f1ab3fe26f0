import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Instruments } from '../../src/observe/instruments.ts';
import { METRICS, type MetricDefinition } from '../../src/observe/metric-definitions.ts';
import { metricsText } from '../../src/observe/metrics-text.ts';
import { parse } from './support/metrics-text.ts';

const [lowest, second] = METRICS.store_sync_seconds.buckets;
const highest = METRICS.store_sync_seconds.buckets.at(-1) ?? 0;

const edges: readonly [value: number, inLowest: number, inSecond: number, inHighest: number][] = [
  [0, 1, 1, 1],
  [lowest ?? 0, 1, 1, 1],
  [(lowest ?? 0) + 1e-9, 0, 1, 1],
  [second ?? 0, 0, 1, 1],
  [highest, 0, 0, 1],
  [highest + 1e-9, 0, 0, 0],
];
for (const [value, inLowest, inSecond, inHighest] of edges) {
  test(`a histogram counts ${value} in every bucket whose bound is not below it`, async () => {
    const instruments = new Instruments();
    instruments.histogram('store_sync_seconds', {}).observe(value);
    const { samples } = parse((await metricsText([instruments.report()], { silent: 0 })).text);
    const sample = (suffix: string) => samples.get(`posthorn_store_sync_seconds_${suffix}`);
    assert.deepEqual(
      [lowest, second, highest].map((bound) => sample(`bucket{le="${bound}"}`)),
      [inLowest, inSecond, inHighest],
    );
    assert.deepEqual(['bucket{le="+Inf"}', 'count', 'sum'].map(sample), [1, 1, value]);
  });
}

test('the bounds of every histogram ascend', () => {
  const definitions: readonly MetricDefinition[] = Object.values(METRICS);
  for (const { type, buckets } of definitions) {
    assert.equal(buckets !== undefined, type === 'histogram');
    assert.deepEqual(
      buckets,
      buckets?.toSorted((a, b) => a - b),
    );
  }
});

test('names end as Prometheus wants it: counters in _total, and units are base units', () => {
  for (const [name, { type }] of Object.entries(METRICS)) {
    assert.match(name, /^[a-z]+(?:_[a-z]+)*$/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    assert.doesNotMatch(name, /_(?:ms|milliseconds|minutes|kilobytes|percent)(?:_|$)/);
  }
});

test('every help is one sentence', () => {
  for (const { help } of Object.values(METRICS)) assert.match(help, /^[A-Z][^\n]*\.$/);
});

test('a label cannot break its line', async () => {
  const instruments = new Instruments();
  instruments.reading('build_info', { version: 'a"b\\c\nd', node: '26' }, () => 1);
  const { text } = await metricsText([instruments.report()], { silent: 0 });
  assert.ok(parse(text).samples.has('posthorn_build_info{version="a\\"b\\\\c\\nd",node="26"}'));
});
