import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RATE_MARGIN_MS, RateWindow } from '../../src/engine/rate-window.ts';
import { seeded } from '../core/support/seeded.ts';

describe('a rate window', () => {
  test('is free until as many were sent as it allows', () => {
    const rate = new RateWindow({ max: 3, perMs: 1_000 });
    for (const moment of [0, 1]) rate.sent(moment);
    assert.equal(rate.freeAt(0), Number.NEGATIVE_INFINITY);
    rate.sent(2);
    assert.equal(rate.freeAt(0), 1_000 + RATE_MARGIN_MS);
  });

  test('of one lets the next go a span after the last', () => {
    const rate = new RateWindow({ max: 1, perMs: 1_000 });
    rate.sent(10);
    assert.equal(rate.freeAt(0), 1_010 + RATE_MARGIN_MS);
    rate.sent(5_000);
    assert.equal(rate.freeAt(0), 6_000 + RATE_MARGIN_MS);
  });

  test('slides: each that is sent frees the place of the oldest', () => {
    const rate = new RateWindow({ max: 3, perMs: 1_000 });
    for (const moment of [0, 100, 200, 1_100, 1_200]) rate.sent(moment);
    assert.equal(rate.freeAt(0), 1_200 + RATE_MARGIN_MS);
  });

  test('never lets more than its maximum into any span, whenever they come', (t) => {
    const random = seeded(t);
    for (let turn = 0; turn < 50; turn++) {
      const max = 1 + random.below(9);
      const perMs = 1_000 + random.below(5_000);
      const rate = new RateWindow({ max, perMs });
      const sent: number[] = [];
      for (let moment = 0; sent.length < 100; moment += random.below(perMs / 2)) {
        moment = Math.max(moment, rate.freeAt(0));
        rate.sent(moment);
        sent.push(moment);
      }
      for (const [index, moment] of sent.entries()) {
        const after = sent[index + max] ?? Number.POSITIVE_INFINITY;
        assert.ok(after - moment >= perMs, `${max} per ${perMs} ms`);
      }
    }
  });

  test('keeps a place for each that may not have arrived, however long that takes', () => {
    const rate = new RateWindow({ max: 3, perMs: 1_000 });
    assert.equal(rate.freeAt(2), Number.NEGATIVE_INFINITY);
    assert.equal(rate.freeAt(3), Number.POSITIVE_INFINITY);
    for (const moment of [0, 100]) rate.sent(moment);
    assert.equal(rate.freeAt(1), 1_000 + RATE_MARGIN_MS);
    assert.equal(rate.freeAt(2), 1_100 + RATE_MARGIN_MS);
    for (const moment of [1_050, 1_200]) rate.sent(moment);
    assert.equal(rate.freeAt(1), 2_050 + RATE_MARGIN_MS);
  });

  test('is of its own limit and of no other', () => {
    const rate = new RateWindow({ max: 4, perMs: 1_000 });
    assert.equal(rate.isOf({ max: 4, perMs: 1_000 }), true);
    assert.equal(rate.isOf({ max: 5, perMs: 1_000 }), false);
    assert.equal(rate.isOf({ max: 4, perMs: 1_001 }), false);
  });
});
