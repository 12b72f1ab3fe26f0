import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Keeper, Prefetch } from '../../src/engine/prefetch.ts';

const COUNT_MAX = 8;
const BYTES_MAX = 800;

describe('what all lanes keep', () => {
  test('has room until the count is full', () => {
    const { prefetch, lane } = open();
    const a = lane();
    for (let count = 0; count < COUNT_MAX - 1; count++) a.add(1);
    assert.equal(prefetch.hasRoom(), true);
    a.add(1);
    assert.equal(prefetch.hasRoom(), false);
    a.take();
    assert.equal(prefetch.hasRoom(), true);
  });

  test('has room until the bytes are full', () => {
    const { prefetch, lane } = open();
    const a = lane();
    a.add(BYTES_MAX - 1);
    assert.equal(prefetch.hasRoom(), true);
    a.add(1);
    assert.equal(prefetch.hasRoom(), false);
    assert.deepEqual([prefetch.count, prefetch.bytes], [2, BYTES_MAX]);
  });

  test('is given up first by lanes that cannot send', () => {
    const { prefetch, lane } = open();
    const [moving, stuck] = [lane(), lane({ isStuck: true })];
    for (let count = 0; count < COUNT_MAX / 2; count++) {
      moving.add(10);
      stuck.add(10);
    }
    assert.equal(prefetch.hasRoom(), true);
    assert.deepEqual([moving.waiting, stuck.waiting], [COUNT_MAX / 2, 0]);
    assert.deepEqual([moving.more, stuck.more], [false, true], 'they read it again later');
  });

  test('is given up down to three quarters, and no further', () => {
    const { prefetch, lane } = open();
    const lanes = Array.from({ length: COUNT_MAX }, () => lane({ isStuck: true }));
    for (const one of lanes) one.add(1);
    assert.equal(prefetch.hasRoom(), true);
    assert.equal(prefetch.count, (COUNT_MAX * 3) / 4);
    assert.deepEqual(
      lanes.map(({ waiting }) => waiting),
      [0, 0, 1, 1, 1, 1, 1, 1],
      'those first that keep it longest',
    );
  });

  test('is not given up while there is room', () => {
    const { prefetch, lane } = open();
    const stuck = lane({ isStuck: true });
    stuck.add(1);
    assert.equal(prefetch.hasRoom(), true);
    assert.equal(stuck.waiting, 1);
  });

  test('stays full when everybody can send', () => {
    const { prefetch, lane } = open();
    const lanes = Array.from({ length: COUNT_MAX }, () => lane());
    for (const one of lanes) one.add(1);
    assert.equal(prefetch.hasRoom(), false);
    assert.equal(prefetch.count, COUNT_MAX);
  });

  test('is counted as nothing when all has gone', () => {
    const { prefetch, lane } = open();
    const a = lane();
    for (const bytes of [1, 2, 3]) a.add(bytes);
    a.take();
    a.dropWaiting();
    assert.deepEqual([prefetch.count, prefetch.bytes], [0, 0]);
  });
});

interface TestKeeper extends Keeper {
  isStuck: boolean;
  add(bytes: number): void;
  take(): void;
}

function open() {
  const bounds = { countMax: COUNT_MAX, bytesMax: BYTES_MAX };
  const prefetch = new Prefetch<TestKeeper>(bounds, ({ isStuck }) => isStuck);
  const lane = ({ isStuck = false } = {}): TestKeeper => {
    const kept: number[] = [];
    const self: TestKeeper = {
      isStuck,
      more: false,
      get waiting() {
        return kept.length;
      },
      add(bytes) {
        kept.push(bytes);
        prefetch.keep(self, bytes);
      },
      take() {
        const bytes = kept.shift();
        if (bytes !== undefined) prefetch.letGo(self, bytes);
      },
      dropWaiting() {
        while (kept.length > 0) self.take();
      },
    };
    return self;
  };
  return { prefetch, lane };
}
