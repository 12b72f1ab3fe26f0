import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PosthornError } from '../../src/core/errors.ts';
import { readOverlap, readSettings, type SettingsInput } from '../../src/core/webhook-settings.ts';

const DAY_S = 86_400;

describe('a duration', () => {
  const accepted: readonly [per: number | string, ms: number][] = [
    [1, 1_000],
    ['1s', 1_000],
    ['1500ms', 1_500],
    ['90s', 90_000],
    ['1h', 3_600_000],
    [3_600, 3_600_000],
  ];
  for (const [per, ms] of accepted) {
    test(`${JSON.stringify(per)} is ${ms} milliseconds`, () => {
      assert.deepEqual(readSettings({ rateLimit: { max: 5, per } }), {
        rateLimit: { max: 5, perMs: ms },
      });
    });
  }

  const refused: readonly [given: SettingsInput, pointer: string, code: string][] = [
    [{ rateLimit: { max: 5, per: 0 } }, '/rate_limit/per', 'out_of_bounds'],
    [{ rateLimit: { max: 5, per: '999ms' } }, '/rate_limit/per', 'out_of_bounds'],
    [{ rateLimit: { max: 5, per: 3_601 } }, '/rate_limit/per', 'out_of_bounds'],
    [{ rateLimit: { max: 5, per: '1 h' } }, '/rate_limit/per', 'invalid_duration'],
    [{ rateLimit: { max: 5, per: '60' } }, '/rate_limit/per', 'invalid_duration'],
    [{ rateLimit: { max: 5, per: -1 } }, '/rate_limit/per', 'invalid_duration'],
    [{ rateLimit: { max: 5, per: 1.5 } }, '/rate_limit/per', 'invalid_duration'],
    [{ rateLimit: { max: 5, per: 2 ** 53 } }, '/rate_limit/per', 'invalid_duration'],
    [{ retrySchedule: [0, '31d'] }, '/retry_schedule/1', 'out_of_bounds'],
    [{ retrySchedule: [30 * DAY_S + 1] }, '/retry_schedule/0', 'out_of_bounds'],
    [{ retrySchedule: [0, 1, 'soon'] }, '/retry_schedule/2', 'invalid_duration'],
  ];
  for (const [given, pointer, code] of refused) {
    test(`in ${JSON.stringify(given)} is refused as ${code}`, () => {
      assert.throws(() => readSettings(given), faultAt(pointer, code));
    });
  }

  test('of a schedule is from 0 s to 30 days', () => {
    assert.deepEqual(readSettings({ retrySchedule: ['0s', 30 * DAY_S] }), {
      retrySchedule: [0, 30 * DAY_S * 1_000],
    });
  });

  test('of an overlap is from 0 s to 7 days', () => {
    assert.deepEqual([readOverlap(0), readOverlap('7d')], [0, 7 * DAY_S * 1_000]);
    assert.throws(() => readOverlap('8d'), faultAt('/overlap', 'out_of_bounds'));
    assert.throws(() => readOverlap('a week'), faultAt('/overlap', 'invalid_duration'));
  });
});

test('null is the default, and what is not named stays out', () => {
  assert.deepEqual(readSettings({}), {});
  const nothing = {
    ordering: null,
    rateLimit: null,
    concurrencyMax: null,
    retrySchedule: null,
    onGone: null,
  };
  assert.deepEqual(readSettings(nothing), { ...nothing, ordering: 'none' });
});

function faultAt(pointer: string, code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof PosthornError);
    assert.equal(error.code, 'invalid_request');
    assert.deepEqual(
      error.faults.map((fault) => [fault.pointer, fault.code]),
      [[pointer, code]],
    );
    return true;
  };
}
