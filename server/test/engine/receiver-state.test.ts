import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LaneMemory } from '../../src/core/model.ts';
import type { Verdict } from '../../src/core/outcome.ts';
import { ReceiverState } from '../../src/engine/receiver-state.ts';

const MAX = 64;
const TEN_MS = { began: 0, ended: 10, at: 1_000 };

describe('a window', () => {
  test('is one before anything is known, and eight after the first success', () => {
    const receiver = receiverOf(null);
    assert.deepEqual([receiver.slots, receiver.health], [1, 'new']);
    end(receiver, 'well');
    assert.deepEqual([receiver.slots, receiver.health], [8, 'proven']);
  });

  test('is eight at once when the receiver is known to be well', () => {
    assert.equal(receiverOf('proven').slots, 8);
  });

  test('is one when the receiver is known to fail', () => {
    assert.equal(receiverOf('failing').slots, 1);
  });

  test('grows by one with a success while it was the limit, and not otherwise', () => {
    const receiver = receiverOf('proven');
    end(receiver, 'well');
    assert.equal(receiver.slots, 8);
    receiver.wasLimit = true;
    end(receiver, 'well');
    assert.equal(receiver.slots, 9);
    end(receiver, 'well');
    assert.equal(receiver.slots, 9, 'once for each time');
  });

  test('grows to its maximum and not beyond', () => {
    const receiver = receiverOf('proven');
    grow(receiver, 200);
    assert.equal(receiver.slots, MAX);
  });

  for (const [max, slots] of [
    [1, 1],
    [7, 7],
    [8, 8],
    [9, 8],
  ] as const) {
    test(`of at most ${max} is ${slots} after the first success`, () => {
      const receiver = receiverOf(null, max);
      end(receiver, 'well');
      assert.equal(receiver.slots, slots);
    });
  }

  test('follows a maximum that is lowered and raised again, at once', () => {
    const receiver = receiverOf('proven');
    grow(receiver, 24);
    receiver.windowMax = 3;
    assert.equal(receiver.slots, 3);
    receiver.windowMax = MAX;
    assert.equal(receiver.slots, 32);
  });

  test('is eight at once when a maximum that was smaller is raised', () => {
    const receiver = receiverOf('proven', 2);
    receiver.windowMax = MAX;
    assert.equal(receiver.slots, 8);
  });

  test('halves from its maximum when that is smaller', () => {
    const receiver = receiverOf('proven', 6);
    fail(receiver, 1);
    assert.equal(receiver.slots, 3);
  });

  test('halves when the receiver struggles, down to one', () => {
    const receiver = receiverOf('proven');
    const slots = [8, 9, 10, 11, 12].map((moment) => {
      fail(receiver, moment);
      return receiver.slots;
    });
    assert.deepEqual(slots, [4, 2, 1, 1, 1]);
  });

  test('halves once for all that had begun before it was halved', () => {
    const receiver = receiverOf('proven');
    receiver.ended('struggling', { began: 0, ended: 100, at: 0 });
    for (const began of [0, 50, 99]) receiver.ended('struggling', { began, ended: 200, at: 0 });
    assert.equal(receiver.slots, 4);
    receiver.ended('struggling', { began: 100, ended: 200, at: 0 });
    assert.equal(receiver.slots, 2);
  });

  test('does not halve because a delivery is refused', () => {
    const receiver = receiverOf('proven');
    for (let count = 0; count < 20; count++) end(receiver, 'refused');
    assert.deepEqual([receiver.slots, receiver.health], [8, 'proven']);
  });

  test('that was halved to one is eight again after one success', () => {
    const receiver = receiverOf('proven');
    for (let moment = 0; moment < 10; moment++) fail(receiver, moment);
    end(receiver, 'well');
    assert.deepEqual([receiver.slots, receiver.health], [8, 'proven']);
  });

  test('that was large is not made small by a success after a failure', () => {
    const receiver = receiverOf('proven');
    grow(receiver, 40);
    fail(receiver, 100);
    assert.equal(receiver.slots, 24);
    receiver.wasLimit = false;
    end(receiver, 'well');
    assert.equal(receiver.slots, 24);
  });
});

describe('a probe', () => {
  test('comes 100 ms after the first failure at a window of one, then twice as late, up to a second', () => {
    const receiver = receiverOf('failing');
    const gaps = Array.from({ length: 7 }, (_, round) => {
      const at = round * 10_000;
      fail(receiver, at);
      return receiver.probeAt - at;
    });
    assert.deepEqual(gaps, [100, 200, 400, 800, 1_000, 1_000, 1_000]);
  });

  test('is not waited for after so many failures that doubling has no end', () => {
    const receiver = receiverOf('failing');
    for (let moment = 0; moment < 2_000; moment++) fail(receiver, moment);
    assert.equal(receiver.probeAt, 1_999 + 1_000);
  });

  test('begins with short waits again after a success', () => {
    const receiver = receiverOf('failing');
    for (let moment = 0; moment < 10; moment++) fail(receiver, moment);
    end(receiver, 'well');
    for (let moment = 20; moment < 24; moment++) fail(receiver, moment);
    assert.equal(receiver.probeAt, 23 + 800);
  });

  test('is not needed while the window is larger than one', () => {
    const receiver = receiverOf('proven');
    fail(receiver, 100);
    assert.deepEqual([receiver.slots, receiver.isProbing], [4, false]);
    assert.equal(receiver.probeAt, Number.NEGATIVE_INFINITY);
  });

  test('is needed by a failing receiver that may have one at a time only', () => {
    const receiver = receiverOf('proven', 1);
    assert.equal(receiver.isProbing, false);
    fail(receiver, 100);
    assert.equal(receiver.isProbing, true);
  });
});

describe('an exchange is late', () => {
  const cases: [usualMs: number | null, lateMs: number][] = [
    [null, 1_000],
    [0, 300],
    [75, 300],
    [76, 304],
    [499, 1_996],
    [500, 2_000],
    [60_000, 2_000],
  ];
  for (const [usualMs, lateMs] of cases) {
    test(`after ${lateMs} ms when its receiver usually takes ${usualMs}`, () => {
      assert.equal(new ReceiverState({ ...MEMORY, usualMs }, MAX).lateMs, lateMs);
    });
  }

  test('by a moving average of what went well', () => {
    const receiver = receiverOf(null);
    receiver.ended('well', { began: 0, ended: 100, at: 0 });
    assert.equal(receiver.usualMs, 100);
    receiver.ended('well', { began: 0, ended: 200, at: 0 });
    assert.equal(receiver.usualMs, 110);
    receiver.ended('struggling', { began: 0, ended: 15_000, at: 0 });
    assert.equal(receiver.usualMs, 110, 'what failed is nothing usual');
  });
});

describe('failing', () => {
  test('begins with the first failure since the last success, and counts all', () => {
    const receiver = receiverOf('proven');
    receiver.ended('struggling', { began: 0, ended: 1, at: 1_000 });
    receiver.ended('refused', { began: 0, ended: 1, at: 2_000 });
    assert.deepEqual([receiver.failingSince, receiver.failedAttempts], [1_000, 2]);
    end(receiver, 'well');
    assert.deepEqual([receiver.failingSince, receiver.failedAttempts], [null, 0]);
  });

  test('is remembered, in whole milliseconds', () => {
    const receiver = receiverOf(null);
    receiver.ended('well', { began: 0, ended: 10.4, at: 500 });
    receiver.ended('struggling', { began: 11, ended: 12, at: 700 });
    const memory = receiver.memory();
    assert.deepEqual(memory, {
      health: 'failing',
      usualMs: 10,
      failingSince: 700,
      failedAttempts: 1,
    });
    assert.deepEqual(new ReceiverState(memory, MAX).memory(), memory);
  });
});

const MEMORY: LaneMemory = {
  health: 'proven',
  usualMs: 5,
  failingSince: null,
  failedAttempts: 0,
};

function receiverOf(health: LaneMemory['health'] | null, max = MAX): ReceiverState {
  return new ReceiverState(health === null ? null : { ...MEMORY, health }, max);
}

function end(receiver: ReceiverState, verdict: Verdict): void {
  receiver.ended(verdict, TEN_MS);
}

/** One that begins and fails at this moment: a round of its own. */
function fail(receiver: ReceiverState, moment: number): void {
  receiver.ended('struggling', { began: moment, ended: moment, at: moment });
}

function grow(receiver: ReceiverState, successes: number): void {
  for (let count = 0; count < successes; count++) {
    receiver.wasLimit = true;
    end(receiver, 'well');
  }
}
