import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LaneHealth } from '../../src/core/model.ts';
import { type Place, type Turn, Turns } from '../../src/engine/turns.ts';

interface TestLane extends Turn {
  name: string;
  webhook: { accountId: string };
  receiver: { health: LaneHealth; isProbing: boolean };
}

/** A third is 8 for new ones, a twelfth 2 for failing ones, a quarter 6 for one account. */
const MAX = 24;
/** A twelfth is more than any of these tests begins. */
const MANY = 1_200;

describe('turns', () => {
  test('are taken in the order of waiting', () => {
    const { turns, wait } = open();
    for (const name of ['a', 'b', 'c']) wait(name);
    assert.deepEqual(begun(turns), ['a', 'b', 'c']);
    assert.equal(turns.next(0), undefined);
  });

  test('go to proven lanes first, then to new ones, then to failing ones', () => {
    const { turns, wait } = open();
    wait('failing', 'failing');
    wait('new', 'new');
    wait('proven', 'proven');
    assert.deepEqual(begun(turns), ['proven', 'new', 'failing']);
  });

  for (const [health, bound] of [
    ['proven', 24],
    ['new', 8],
    ['failing', 2],
  ] as const) {
    test(`go to ${bound} ${health} lanes of ${MAX} at once`, () => {
      const { turns, wait } = open();
      for (let count = 0; count < 30; count++) wait(`${count}`, health);
      assert.equal(begun(turns).length, bound);
      assert.equal(turns.isFull(health), true);
    });
  }

  test('go to the others while the bound of one kind is full', () => {
    const { turns, wait } = open();
    for (let count = 0; count < 30; count++) wait(`failing ${count}`, 'failing');
    for (let count = 0; count < 30; count++) wait(`new ${count}`, 'new');
    begun(turns);
    wait('proven');
    assert.deepEqual(begun(turns), ['proven']);
  });

  test('are over when as many as there may be are in progress, of whatever kind', () => {
    const { turns, wait } = open();
    for (let count = 0; count < 10; count++) wait(`new ${count}`, 'new');
    for (let count = 0; count < 30; count++) wait(`proven ${count}`);
    assert.equal(begun(turns).length, MAX);
    assert.equal(turns.used, MAX);
  });

  test('come again when a place is given back', () => {
    const { turns, wait } = open();
    const places: Place[] = [];
    for (let count = 0; count < 4; count++) wait(`${count}`, 'failing');
    for (let lane = turns.next(0); lane !== undefined; lane = turns.next(0)) {
      places.push(turns.begin(lane));
    }
    assert.equal(places.length, 2);
    turns.end(places[0] ?? assert.fail());
    assert.deepEqual(begun(turns), ['2']);
    assert.equal(turns.used, 2);
  });

  test('pass over a bound that is full at no cost, however many wait for it', () => {
    const { turns, wait } = open();
    for (let count = 0; count < 3; count++) wait(`full ${count}`, 'failing');
    begun(turns);
    const looked = { count: 0 };
    for (let count = 0; count < 1_000; count++) {
      const { receiver } = wait(`waiting ${count}`, 'failing');
      Object.defineProperty(receiver, 'health', {
        get() {
          looked.count += 1;
          return 'failing';
        },
      });
    }
    wait('proven');
    assert.deepEqual(begun(turns), ['proven']);
    assert.equal(looked.count, 0);
  });
});

describe('an account', () => {
  test('holds a quarter of a bound at most while others wait', () => {
    const { turns, wait } = open();
    for (let count = 0; count < 30; count++) wait(`a${count}`, 'proven', 'a');
    for (let count = 0; count < 30; count++) wait(`b${count}`, 'proven', 'b');
    const names = begun(turns);
    assert.equal(names.filter((name) => name.startsWith('a')).length, 6);
    assert.equal(names.filter((name) => name.startsWith('b')).length, 6);
  });

  test('may have all of it while nobody else waits', () => {
    const { turns, wait } = open();
    for (let count = 0; count < 30; count++) wait(`a${count}`, 'proven', 'a');
    assert.equal(begun(turns).length, MAX);
  });

  test('takes turns with the others, however many of its lanes wait', () => {
    const { turns, wait } = open();
    for (let count = 0; count < 4; count++) wait(`a${count}`, 'proven', 'a');
    wait('b', 'proven', 'b');
    wait('c', 'proven', 'c');
    assert.deepEqual(begun(turns), ['a0', 'b', 'c', 'a1', 'a2', 'a3']);
  });

  test('that has its quarter lets an account go first that came much later', () => {
    const { turns, wait } = open();
    for (let count = 0; count < 30; count++) wait(`a${count}`, 'proven', 'a');
    const places = Array.from({ length: 20 }, () => turns.begin(turns.next(0) ?? assert.fail()));
    wait('b', 'proven', 'b');
    assert.equal(turns.next(0)?.name, 'b');
    assert.equal(places.length, 20);
  });

  test('is forgotten when it neither waits nor has anything in progress', () => {
    const { turns, wait } = open();
    // A quarter each: were one of earlier turns still counted, the last would get less.
    for (let round = 0; round < 10; round++) {
      const places: Place[] = [];
      for (let count = 0; count < 6; count++) wait(`${count}`, 'proven', 'a');
      wait('b', 'proven', 'b');
      for (let lane = turns.next(0); lane !== undefined; lane = turns.next(0)) {
        places.push(turns.begin(lane));
      }
      assert.equal(places.length, 7);
      for (const place of places) turns.end(place);
      assert.equal(turns.used, 0);
    }
  });
});

describe('a lane that has become another kind while it waited', () => {
  test('takes its turn as what it is now', () => {
    const { turns, wait } = open();
    for (let count = 0; count < 3; count++) wait(`failing ${count}`, 'failing');
    begun(turns);
    wait('now failing').receiver.health = 'failing';
    wait('proven');
    assert.deepEqual(begun(turns), ['proven']);
  });

  test('does not wait for the bound of what it was', () => {
    const { turns, wait } = open();
    for (let count = 0; count < 3; count++) wait(`failing ${count}`, 'failing');
    begun(turns);
    const lane = wait('recovered', 'failing');
    lane.receiver.health = 'proven';
    turns.wait(lane);
    assert.deepEqual(begun(turns), ['recovered']);
  });

  test('has one turn, however often it was another kind', () => {
    const { turns, wait } = open();
    const lane = wait('a', 'failing');
    for (const health of ['proven', 'failing', 'new', 'proven'] as const) {
      lane.receiver.health = health;
      turns.wait(lane);
    }
    assert.deepEqual(begun(turns), ['a']);
    assert.equal(lane.turn, null);
  });
});

describe('probes', () => {
  test('begin ten at a time, and the others when their moment has come', () => {
    const { turns, wait } = open(MANY);
    for (let count = 0; count < 25; count++) wait(`${count}`, 'failing').receiver.isProbing = true;
    const groups: number[] = [];
    for (let now: number | null = 1_000; now !== null; now = turns.probesAgainAt(now)) {
      groups.push(begun(turns, now).length);
      assert.ok(groups.length <= 3);
    }
    assert.deepEqual(groups, [10, 10, 5]);
  });

  test('keep neither proven lanes nor new ones', () => {
    const { turns, wait } = open(MANY);
    for (let count = 0; count < 11; count++) wait(`${count}`, 'failing').receiver.isProbing = true;
    begun(turns);
    wait('new', 'new');
    wait('proven');
    assert.deepEqual(begun(turns), ['proven', 'new']);
  });

  test('of lanes that still have a window are not counted', () => {
    const { turns, wait } = open(MANY);
    for (let count = 0; count < 25; count++) wait(`${count}`, 'failing');
    assert.equal(begun(turns).length, 25);
  });

  test('that a full bound keeps back are not asked for by the clock', () => {
    const { turns, wait } = open();
    for (let count = 0; count < 25; count++) wait(`${count}`, 'failing').receiver.isProbing = true;
    assert.equal(begun(turns).length, 2);
    assert.equal(turns.probesAgainAt(0), null);
  });
});

function open(max = MAX) {
  const turns = new Turns<TestLane>(max);
  const wait = (name: string, health: LaneHealth = 'proven', accountId = 'acc_1'): TestLane => {
    const receiver = { health, isProbing: false };
    const lane: TestLane = { name, webhook: { accountId }, receiver, turn: null };
    turns.wait(lane);
    return lane;
  };
  return { turns, wait };
}

/** Begins one exchange of each lane whose turn it is; answers their names. */
function begun(turns: Turns<TestLane>, now = 0): string[] {
  const names: string[] = [];
  for (let lane = turns.next(now); lane !== undefined; lane = turns.next(now)) {
    names.push(lane.name);
    turns.begin(lane);
  }
  return names;
}
