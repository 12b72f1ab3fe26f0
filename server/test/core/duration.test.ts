import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatDuration, parseDuration } from '../../src/core/duration.ts';

describe('a duration', () => {
  const cases: [text: string, ms: number | undefined][] = [
    ['0ms', 0],
    ['0s', 0],
    ['1ms', 1],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
    ['007s', 7_000],
    ['999999999ms', 999_999_999],
    ['1000000000ms', undefined],
    ['', undefined],
    ['5', undefined],
    ['s', undefined],
    ['5 s', undefined],
    [' 5s', undefined],
    ['5s ', undefined],
    ['5s\n', undefined],
    ['-5s', undefined],
    ['+5s', undefined],
    ['1.5s', undefined],
    ['1e3s', undefined],
    ['5S', undefined],
    ['5sec', undefined],
    ['5w', undefined],
    ['1h30m', undefined],
    ['٥s', undefined],
  ];
  for (const [text, ms] of cases) {
    test(`${JSON.stringify(text)} is ${ms === undefined ? 'none' : `${ms} milliseconds`}`, () => {
      assert.equal(parseDuration(text), ms);
    });
  }
});

describe('milliseconds are written as', () => {
  const cases: [ms: number, text: string][] = [
    [0, '0s'],
    [1, '1ms'],
    [999, '999ms'],
    [1_000, '1s'],
    [1_001, '1001ms'],
    [60_000, '1m'],
    [61_000, '61s'],
    [90 * 60_000, '90m'],
    [3_600_000, '1h'],
    [24 * 3_600_000, '1d'],
    [25 * 3_600_000, '25h'],
  ];
  for (const [ms, text] of cases) {
    test(`${text}, which is read back as ${ms}`, () => {
      assert.equal(formatDuration(ms), text);
      assert.equal(parseDuration(text), ms);
    });
  }
});
