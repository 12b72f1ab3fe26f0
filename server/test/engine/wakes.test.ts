import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Wakes } from '../../src/engine/wakes.ts';
import { seeded } from '../core/support/seeded.ts';
import { createFakeClock, NOON } from './support/fake-clock.ts';

const MINUTE_MS = 60_000;

describe('wakes', () => {
  test('ring at the moment and not a millisecond earlier', async () => {
    const { wakes, woken, clock } = open('monotonic');
    wakes.at(1_000, 'a');
    await clock.advance(999);
    assert.deepEqual(woken, []);
    await clock.advance(1);
    assert.deepEqual(woken, ['a', '.']);
  });

  test('ring for all whose moment has come, then once for everybody', async () => {
    const { wakes, woken, clock } = open('monotonic');
    for (const name of ['a', 'b', 'c']) wakes.at(500, name);
    wakes.at(501, 'd');
    await clock.advance(500);
    assert.deepEqual(woken, ['a', 'b', 'c', '.']);
  });

  test('have one timer, however many wait, and none when nobody does', async () => {
    const { wakes, clock } = open('monotonic');
    for (let moment = 1_000; moment > 0; moment--) wakes.at(moment, `${moment}`);
    assert.equal(clock.timers, 1);
    await clock.advance(1_000);
    assert.equal(clock.timers, 0);
  });

  test('keep the earliest moment that was asked for, and ring once', async () => {
    const { wakes, woken, clock } = open('monotonic');
    for (const moment of [500, 300, 400, 300]) wakes.at(moment, 'a');
    assert.equal(wakes.momentOf('a'), 300);
    await clock.advance(1_000);
    assert.deepEqual(woken, ['a', '.']);
    assert.equal(wakes.momentOf('a'), null);
  });

  test('that were forgotten do not ring, and may be asked for again', async () => {
    const { wakes, woken, clock } = open('monotonic');
    wakes.at(100, 'a');
    wakes.forget('a');
    wakes.at(200, 'a');
    await clock.advance(199);
    assert.deepEqual(woken, []);
    await clock.advance(1);
    assert.deepEqual(woken, ['a', '.']);
  });

  test('ring for a moment that has passed, without a wait', async () => {
    const { wakes, woken, clock } = open('now');
    wakes.at(0, 'a');
    await clock.advance(0);
    assert.deepEqual(woken, ['a', '.']);
  });

  test('that are asked for while it rings are not lost', async () => {
    const clock = createFakeClock();
    const rung: number[] = [];
    const wakes: Wakes<string> = new Wakes(clock, {
      by: 'monotonic',
      wake(item) {
        rung.push(clock.monotonic());
        if (rung.length < 4) wakes.at(clock.monotonic() + 10, item);
      },
      woken: () => {},
    });
    wakes.at(10, 'a');
    await clock.advance(100);
    assert.deepEqual(rung, [10, 20, 30, 40]);
  });

  test('ring no more when they were stopped', async () => {
    const { wakes, woken, clock } = open('monotonic');
    wakes.at(100, 'a');
    wakes.stop();
    wakes.at(50, 'b');
    await clock.advance(1_000);
    assert.deepEqual(woken, []);
    assert.equal(clock.timers, 0);
  });

  test('by the wall clock ring within a minute of a clock that was set forward', async () => {
    const { wakes, woken, clock } = open('now');
    wakes.at(NOON + 60 * MINUTE_MS, 'a');
    clock.set(NOON + 60 * MINUTE_MS);
    await clock.advance(MINUTE_MS);
    assert.deepEqual(woken, ['a', '.']);
  });

  test('by the wall clock do not ring early when it was set back', async () => {
    const { wakes, woken, clock } = open('now');
    wakes.at(NOON + 2_000, 'a');
    clock.set(NOON - 1_000);
    await clock.advance(2_999);
    assert.deepEqual(woken, []);
    await clock.advance(1);
    assert.deepEqual(woken, ['a', '.']);
  });

  test('ring each in its time, whatever is asked for, forgotten and moved', async (t) => {
    const random = seeded(t);
    const { wakes, woken, clock } = open('monotonic');
    const wanted = new Map<string, number>();
    for (let turn = 0; turn < 20_000; turn++) {
      const name = `${random.below(50)}`;
      const moment = 1 + random.below(100_000);
      if (random.below(3) === 0) {
        wakes.forget(name);
        wanted.delete(name);
      } else {
        wakes.at(moment, name);
        wanted.set(name, Math.min(moment, wanted.get(name) ?? moment));
      }
    }
    const order = [...wanted].sort(([, a], [, b]) => a - b).map(([name]) => name);
    await clock.advance(100_000);
    assert.deepEqual(
      woken.filter((name) => name !== '.'),
      order,
    );
  });
});

function open(by: 'now' | 'monotonic') {
  const clock = createFakeClock();
  const woken: string[] = [];
  const wakes = new Wakes<string>(clock, {
    by,
    wake: (item) => void woken.push(item),
    woken: () => void woken.push('.'),
  });
  return { wakes, woken, clock };
}
