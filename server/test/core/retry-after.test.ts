import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HOLD_MS_MAX, retryAfter } from '../../src/core/retry-after.ts';

const NOW = Date.UTC(2023, 11, 1, 12);
const DAY_MS = 86_400_000;

describe('Retry-After', () => {
  const named: [header: string, ms: number][] = [
    ['1', 1_000],
    ['120', 120_000],
    ['  30  ', 30_000],
    ['007', 7_000],
    ['86400', DAY_MS],
    ['86401', DAY_MS],
    ['9999999999', DAY_MS],
    ['99999999999', DAY_MS],
    ['9'.repeat(64), DAY_MS],
    ['Fri, 01 Dec 2023 12:00:01 GMT', 1_000],
    ['Friday, 01-Dec-23 12:01:00 GMT', 60_000],
    ['Fri Dec  1 12:01:00 2023', 60_000],
    ['Sat, 02 Dec 2023 12:00:00 GMT', DAY_MS],
    ['Mon, 04 Dec 2023 12:00:00 GMT', DAY_MS],
  ];
  for (const [header, ms] of named) {
    test(`of "${header}" is ${ms} ms from now`, () => {
      assert.equal(retryAfter(header, NOW), NOW + ms);
    });
  }

  const nothing: [why: string, header: string | null][] = [
    ['that is not there', null],
    ['that is empty', ''],
    ['of no time', '0'],
    ['before now', '-5'],
    ['with a fraction', '1.5'],
    ['with a sign', '+5'],
    ['with a unit', '5s'],
    ['with an exponent', '1e3'],
    ['in hexadecimal', '0x10'],
    ['twice', '5, 10'],
    ['of this very second', 'Fri, 01 Dec 2023 12:00:00 GMT'],
    ['of a date that has passed', 'Fri, 01 Dec 2023 11:59:59 GMT'],
    ['of a date that is none', 'Fri, 99 Dec 2023 12:00:00 GMT'],
    ['of a date in another form', '2023-12-01T12:01:00Z'],
    ['of a date in another zone', 'Fri, 01 Dec 2023 12:01:00 CET'],
    ['of a word', 'later'],
  ];
  for (const [why, header] of nothing) {
    test(`${why} names no moment`, () => assert.equal(retryAfter(header, NOW), null));
  }

  test('holds for a day at most', () => assert.equal(HOLD_MS_MAX, DAY_MS));
});
