import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DueDelivery } from '../../src/core/ports.ts';
import { Lane, PREFETCH_BYTES_MAX, PREFETCH_COUNT_MAX } from '../../src/engine/lane.ts';
import { Prefetch } from '../../src/engine/prefetch.ts';

const REF = { accountId: 'acc_1', webhookId: 'wh_1' };
const TENURE = { shard: 0, epoch: 1, fellBefore: null, isLeaving: false };

describe('a lane', () => {
  test('starts what waits in its order', () => {
    const lane = laneWith(3, 1, 2);
    assert.equal(lane.waiting, 3);
    assert.deepEqual([take(lane), take(lane), take(lane), take(lane)], [3, 1, 2, undefined]);
  });

  test('does not take in again what it holds, be it waiting or in progress', () => {
    const lane = laneWith(1, 2);
    take(lane);
    for (const seq of [1, 2]) lane.enqueue(delivery(seq));
    assert.deepEqual(lane.heldSeqs(), [1, 2]);
    assert.deepEqual([take(lane), take(lane)], [2, undefined]);
  });

  test('takes in again what was settled, when it is due again', () => {
    const lane = laneWith(1);
    lane.release(lane.take() ?? delivery(0));
    lane.enqueue({ ...delivery(1), attemptCount: 1 });
    assert.equal(lane.take()?.attemptCount, 1);
  });

  test('holds what is in progress when it gives up what waits', () => {
    const lane = laneWith(1, 2, 3);
    take(lane);
    lane.dropWaiting();
    assert.deepEqual([lane.waiting, lane.heldSeqs()], [0, [1]]);
  });

  for (const [held, isFull] of [
    [PREFETCH_COUNT_MAX - 1, false],
    [PREFETCH_COUNT_MAX, true],
  ] as const) {
    test(`with ${held} deliveries ${isFull ? 'is full' : 'has room'}`, () => {
      const lane = laneWith(...Array.from({ length: held }, (_, seq) => seq));
      assert.equal(lane.room === 0, isFull);
      lane.take();
      assert.equal(lane.room === 0, isFull, 'what is in progress counts');
    });
  }

  for (const [bytes, isFull] of [
    [PREFETCH_BYTES_MAX - 1, false],
    [PREFETCH_BYTES_MAX, true],
  ] as const) {
    test(`with ${bytes} bytes ${isFull ? 'is full' : 'has room'}`, () => {
      const lane = laneWith();
      lane.enqueue(delivery(1, 'x'.repeat(bytes)));
      assert.equal(lane.room === 0, isFull);
      lane.dropWaiting();
      assert.notEqual(lane.room, 0);
    });
  }

  test('gives its bytes back once', () => {
    const lane = laneWith();
    lane.enqueue(delivery(1, 'x'.repeat(PREFETCH_BYTES_MAX)));
    const taken = lane.take() ?? delivery(0);
    lane.dropWaiting();
    assert.equal(lane.room, 0);
    lane.release(taken);
    lane.release(taken);
    lane.enqueue(delivery(2, 'x'.repeat(PREFETCH_BYTES_MAX - 1)));
    assert.notEqual(lane.room, 0);
  });
});

describe('a refill', () => {
  test('does not bring back what was settled while it was read', () => {
    const lane = laneWith(1);
    lane.beginRefill();
    lane.release(lane.take() ?? delivery(0));
    lane.endRefill([delivery(1), delivery(2)]);
    assert.deepEqual([take(lane), take(lane)], [2, undefined]);
  });

  test('does not bring in twice what was handed over while it was read', () => {
    const lane = laneWith();
    lane.beginRefill();
    lane.enqueue(delivery(1));
    lane.endRefill([delivery(1), delivery(2)]);
    assert.deepEqual([take(lane), take(lane), take(lane)], [1, 2, undefined]);
  });

  test('forgets what was settled when it has ended', () => {
    const lane = laneWith(1);
    lane.beginRefill();
    lane.release(lane.take() ?? delivery(0));
    lane.endRefill([]);
    lane.enqueue(delivery(1));
    assert.equal(take(lane), 1);
  });

  test('keeps the flag that was set while it was read', () => {
    const lane = laneWith();
    lane.more = true;
    lane.beginRefill();
    assert.equal(lane.more, false);
    lane.more = true;
    lane.endRefill([]);
    assert.equal(lane.more, true);
  });

  test('is wanted by an open lane with more in the store and few in memory, once at a time', () => {
    const lane = laneWith();
    assert.equal(lane.wantsRefill, false, 'nothing more is known');
    lane.more = true;
    assert.equal(lane.wantsRefill, true);
    for (const gate of ['loading', 'paused', 'ended'] as const) {
      lane.gate = gate;
      assert.equal(lane.wantsRefill, false, gate);
    }
    lane.gate = 'open';
    lane.beginRefill();
    lane.more = true;
    assert.equal(lane.wantsRefill, false, 'one is on its way');
    lane.endRefill(Array.from({ length: 200 }, (_, seq) => delivery(seq)));
    assert.equal(lane.wantsRefill, false, 'there is enough in memory');
    while (lane.waiting > 78) lane.take();
    assert.equal(lane.wantsRefill, true);
  });
});

describe('a lane can be forgotten when', () => {
  const reasons: [why: string, change: (lane: Lane) => void][] = [
    ['something waits', (lane) => lane.enqueue(delivery(1))],
    [
      'something is in progress',
      (lane) => {
        lane.enqueue(delivery(1));
        lane.take();
      },
    ],
    [
      'there is more in the store',
      (lane) => {
        lane.more = true;
      },
    ],
    ['it is being refilled', (lane) => lane.beginRefill()],
    [
      'something is due later',
      (lane) => {
        lane.pending = 1;
      },
    ],
    [
      'its webhook is being read',
      (lane) => {
        lane.gate = 'loading';
      },
    ],
  ];
  test('it has nothing to do', () => assert.equal(laneWith().isIdle, true));
  for (const [why, change] of reasons) {
    test(`not ${why}`, () => {
      const lane = laneWith();
      change(lane);
      assert.equal(lane.isIdle, false);
    });
  }
});

function laneWith(...seqs: readonly number[]): Lane {
  const bounds = { countMax: 100_000, bytesMax: Number.POSITIVE_INFINITY };
  const lane = new Lane(REF, TENURE, new Prefetch(bounds, () => false));
  lane.gate = 'open';
  lane.receiver.health = 'proven';
  for (const seq of seqs) lane.enqueue(delivery(seq));
  return lane;
}

function take(lane: Lane): number | undefined {
  return lane.take()?.seq;
}

function delivery(seq: number, body = '{}'): DueDelivery {
  return {
    ...REF,
    seq,
    id: `del_${seq}`,
    event: { id: `evt_${seq}`, type: 'user.created', body },
    trigger: 'schedule',
    attemptCount: 0,
    dueAt: 0,
  };
}
