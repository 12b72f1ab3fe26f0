import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseMoment } from '../../src/core/time.ts';

describe('a moment is', () => {
  const moments: readonly [text: string, iso: string][] = [
    ['2026-11-28T20:00:00Z', '2026-11-28T20:00:00.000Z'],
    ['2026-11-28t20:00:00z', '2026-11-28T20:00:00.000Z'],
    ['2026-11-28T20:00:00.123456789Z', '2026-11-28T20:00:00.123Z'],
    ['2026-11-28T00:30:00+01:00', '2026-11-27T23:30:00.000Z'],
    ['2026-11-28T20:00:00-00:30', '2026-11-28T20:30:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
  ];
  for (const [text, iso] of moments) {
    test(text, () => assert.equal(parseMoment(text), Date.parse(iso)));
  }
});

describe('a moment is not', () => {
  const others = [
    ...['', 'yesterday', '1795899115', '2026-11-28', '2026-11-28T20:00Z', '2026-11-28T20:00:00'],
    ...['2026-11-28 20:00:00Z', '2026-11-28T20:00:00 01:00', ' 2026-11-28T20:00:00Z'],
    ...['2026-02-29T00:00:00Z', '2026-02-30T00:00:00Z', '2026-04-31T00:00:00Z'],
    ...['2026-00-01T00:00:00Z', '2026-13-01T00:00:00Z', '2026-01-00T00:00:00Z'],
    ...['2026-01-01T24:00:00Z', '2026-01-01T00:60:00Z', '2016-12-31T23:59:60Z'],
    ...['2026-01-01T00:00:00.Z', '2026-01-01T00:00:00.1234567890Z', '2026-01-01T00:00:00+1:00'],
  ];
  for (const text of others) {
    test(JSON.stringify(text), () => assert.equal(parseMoment(text), undefined));
  }
});
