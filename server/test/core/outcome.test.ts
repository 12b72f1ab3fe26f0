import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ATTEMPT_FAILURES, type AttemptFailure } from '../../src/core/model.ts';
import { attemptOf, decide, failureOf, type SentExchange } from '../../src/core/outcome.ts';
import { DOCUMENTED_SCHEDULE_MS, nextDueAt } from '../../src/core/schedule.ts';

const MADE = { id: 'att_1', number: 1, startedAt: 1_000 };
const RULE = {
  schedule: DOCUMENTED_SCHEDULE_MS,
  onGone: 'retry',
  fraction: 0,
} as const;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('an answer', () => {
  const cases: [status: number, failure: AttemptFailure | null][] = [
    [199, 'http_status'],
    [200, null],
    [204, null],
    [299, null],
    [300, 'redirect'],
    [301, 'redirect'],
    [308, 'redirect'],
    [399, 'redirect'],
    [400, 'http_status'],
    [401, 'http_status'],
    [410, 'http_status'],
    [429, 'http_status'],
    [500, 'http_status'],
    [503, 'http_status'],
    [599, 'http_status'],
    [999, 'http_status'],
  ];
  for (const [status, failure] of cases) {
    test(`of ${status} is ${failure ?? 'a delivery'}`, () => {
      assert.equal(failureOf(response(status)), failure);
    });
  }
});

for (const failure of Object.keys(ATTEMPT_FAILURES) as AttemptFailure[]) {
  test(`an exchange that failed by ${failure} is an attempt without a response`, () => {
    assert.deepEqual(attemptOf({ kind: 'failure', failure, note: null }, MADE), {
      ...MADE,
      responseCode: null,
      responseTimeMs: null,
      responseBody: null,
      failure,
      note: null,
    });
  });
}

test('an exchange with a response is an attempt with it; its time is whole milliseconds', () => {
  assert.deepEqual(attemptOf(response(500, { responseTimeMs: 12.5, body: '' }), MADE), {
    ...MADE,
    responseCode: 500,
    responseTimeMs: 13,
    responseBody: '',
    failure: 'http_status',
    note: null,
  });
});

describe('the documented schedule', () => {
  test('is at once, then 1 min, 5 min, 30 min, 1 h and 6 h', () => {
    const documented = [0, MINUTE, 5 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR];
    assert.deepEqual(DOCUMENTED_SCHEDULE_MS, documented);
  });

  const cases: [made: number, delay: number | null][] = [
    [1, MINUTE],
    [2, 5 * MINUTE],
    [3, 30 * MINUTE],
    [4, HOUR],
    [5, 6 * HOUR],
    [6, null],
    [7, null],
  ];
  for (const [made, delay] of cases) {
    const what = delay === null ? 'there is none' : `the next is due ${delay / MINUTE} min later`;
    test(`after failed attempt ${made} ${what}`, () => {
      const endedAt = 5_000;
      const dueAt = nextDueAt(DOCUMENTED_SCHEDULE_MS, made, endedAt, 0);
      assert.equal(dueAt, delay === null ? null : endedAt + delay);
      const rule = { ...RULE, endedAt };
      assert.deepEqual(decide(attemptOf(response(500), { ...MADE, number: made }), rule), {
        status: delay === null ? 'failed' : 'pending',
        dueAt,
      });
    });

    test(`after attempt ${made} was answered with 200 there is no other`, () => {
      const rule = { ...RULE, endedAt: 5_000 };
      const decided = decide(attemptOf(response(200), { ...MADE, number: made }), rule);
      assert.deepEqual(decided, { status: 'delivered', dueAt: null });
    });
  }
});

describe('jitter', () => {
  const cases: [delay: number, fraction: number, wait: number][] = [
    [60_000, 0, 60_000],
    [60_000, 0.5, 63_000],
    [60_000, 1 - Number.EPSILON, 65_999],
    [6 * HOUR, 1 - Number.EPSILON, 6 * HOUR + 36 * MINUTE - 1],
    [0, 1 - Number.EPSILON, 0],
    [9, 1 - Number.EPSILON, 9],
    [10, 1 - Number.EPSILON, 10],
    [11, 1 - Number.EPSILON, 12],
  ];
  for (const [delay, fraction, wait] of cases) {
    test(`makes ${delay} ms at ${fraction.toFixed(1)} to ${wait}, never less and never a tenth more`, () => {
      assert.equal(nextDueAt([0, delay], 1, 0, fraction), wait);
      assert.ok(wait >= delay && wait <= delay * 1.1);
    });
  }
});

test('a schedule of one attempt has no retry, and one of a thousand has them all', () => {
  assert.equal(nextDueAt([0], 1, 0, 0), null);
  const long = Array.from({ length: 1_000 }, () => 1);
  assert.equal(nextDueAt(long, 999, 0, 0), 1);
  assert.equal(nextDueAt(long, 1_000, 0, 0), null);
});

function response(status: number, fields: Partial<SentExchange> = {}): SentExchange {
  return {
    kind: 'response',
    status,
    responseTimeMs: 12,
    body: 'OK',
    retryAfter: null,
    note: null,
    ...fields,
  } as SentExchange;
}
