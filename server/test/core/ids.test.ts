import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  createIds,
  firstIdAt,
  ID_PREFIXES,
  type IdKind,
  isIdOf,
  MOMENT_DIGITS,
  randomDigits,
} from '../../src/core/ids.ts';
import type { Random } from '../../src/core/ports.ts';
import { seeded, seededBy } from './support/seeded.ts';

const NOON = Date.UTC(2023, 11, 1, 12);
/** docs/webhooks.md. */
const WIRE_PATTERN = /^[a-z]+(_[a-z]+)*_[A-Za-z0-9]+$/;
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

describe('an id', () => {
  for (const kind of Object.keys(ID_PREFIXES) as IdKind[]) {
    test(`of a ${kind} is its prefix and 24 letters and digits`, (t) => {
      const newId = idsAt(() => NOON, seeded(t));
      const id = newId(kind);
      assert.match(id, WIRE_PATTERN);
      assert.ok(id.startsWith(ID_PREFIXES[kind]));
      assert.match(id.slice(ID_PREFIXES[kind].length), /^[A-Za-z0-9]{24}$/);
      assert.ok(isIdOf(kind, id));
    });
  }

  test('has at least 80 random bits', (t) => {
    const newId = idsAt(() => NOON, seeded(t));
    const [first, second] = [newId('event'), newId('event')];
    const differing = [...first.slice(-14)].filter(
      (digit, index) => digit !== second.at(index - 14),
    );
    assert.ok(differing.length > 4);
    assert.ok(Math.log2(62 ** 14) >= 80);
  });

  test('that is made beside another begins with the same moment, whenever that was', (t) => {
    let now = NOON;
    const newId = idsAt(() => now, seeded(t));
    const [before, event] = [newId('event'), newId('testEvent')];
    now += 60_000;
    const beside = Array.from({ length: 100 }, () => newId('delivery', event));
    const moment = event.slice(ID_PREFIXES.testEvent.length).slice(0, MOMENT_DIGITS);
    for (const id of beside) {
      assert.match(id, /^del_[A-Za-z0-9]{24}$/);
      assert.equal(id.slice(4, 4 + MOMENT_DIGITS), moment);
    }
    assert.equal(new Set(beside).size, 100);
    assert.notEqual(before.slice(4, 4 + MOMENT_DIGITS), moment);
  });

  test('is that of no other process in the same millisecond', () => {
    const ids = [1, 2, 3].map((seed) => idsAt(() => NOON, seededBy(seed))('event'));
    assert.equal(new Set(ids).size, 3);
  });
});

describe('ids sort as bytes', () => {
  const moments: [earlier: number, later: number][] = [
    [0, 1],
    [61, 62],
    [62 ** 2 - 1, 62 ** 2],
    [NOON, NOON + 1],
    [NOON, Date.UTC(2100, 0, 1)],
  ];
  for (const [earlier, later] of moments) {
    test(`by time: ${earlier} before ${later}`, (t) => {
      const random = seeded(t);
      for (let turn = 0; turn < 50; turn++) {
        const [first, second] = [idsAt(() => earlier, random), idsAt(() => later, random)];
        assert.ok(first('event') < second('event'));
      }
    });
  }

  test('strictly by their making, as many as are made within a millisecond', (t) => {
    const newId = idsAt(() => NOON, seeded(t));
    assertRising(Array.from({ length: 62 * 62 + 10 }, () => newId('event')));
  });

  test('strictly by their making when the clock goes back', (t) => {
    const moments = [NOON, NOON - 5, NOON - 60_000, NOON, NOON + 1, NOON - 1, NOON + 2];
    let index = 0;
    const newId = idsAt(() => moments[index++ % moments.length] ?? NOON, seeded(t));
    assertRising(Array.from({ length: 20_000 }, () => newId('event')));
  });

  test('strictly by their making, whatever the clock does', (t) => {
    const random = seeded(t);
    let now = NOON;
    const newId = idsAt(() => {
      now += random.below(5) - 2;
      return now;
    }, random);
    assertRising(Array.from({ length: 20_000 }, () => newId('delivery')));
  });
});

describe('the first id of a moment', () => {
  for (const moment of [0, 1, 61, 62, NOON]) {
    test(`at ${moment} sorts behind every id before, and not behind those from then on`, (t) => {
      const random = seeded(t);
      const bound = firstIdAt(moment);
      const at = (ms: number) => idsAt(() => ms, random)('event').slice(4);
      assert.ok(at(moment) >= bound);
      assert.ok(at(moment + 1) >= bound);
      if (moment > 0) assert.ok(at(moment - 1) < bound);
    });
  }

  test('is bounded by what an id can say, and takes the next millisecond of a fraction', () => {
    assert.equal(firstIdAt(-1), firstIdAt(0));
    assert.equal(firstIdAt(Number.NEGATIVE_INFINITY), '00000000');
    assert.equal(firstIdAt(Number.MAX_SAFE_INTEGER), 'zzzzzzzz');
    assert.equal(firstIdAt(0.5), firstIdAt(1));
  });
});

describe('random digits', () => {
  test('are those of an even alphabet: 62 and 63 are drawn again', () => {
    const bytes = [62, 63, 255, 254, 0, 61, 64, 10, 36];
    const random = { ...seededBy(1), byte: () => bytes.shift() ?? 0 };
    assert.equal(randomDigits(random, 5), '0z0Aa');
  });

  test('every byte that is not drawn again is one of the alphabet, each four times', () => {
    const counts = new Map<string, number>();
    for (let byte = 0; byte < 256; byte++) {
      const [first, then] = [byte, 0];
      const bytes = [first, then];
      const text = randomDigits({ ...seededBy(1), byte: () => bytes.shift() ?? 0 }, 1);
      if ((byte & 63) < 62) counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    assert.deepEqual([...counts.keys()].sort().join(''), ALPHABET);
    assert.deepEqual(new Set(counts.values()), new Set([4]));
  });
});

describe('what could be an id', () => {
  const cases: [kind: IdKind, id: string, could: boolean][] = [
    ['event', 'evt_abc123', true],
    ['event', `evt_${'a'.repeat(64)}`, true],
    ['event', `evt_${'a'.repeat(65)}`, false],
    ['event', 'evt_', false],
    ['event', 'wh_abc123', false],
    ['event', 'evt_test_abc123', false],
    ['testEvent', 'evt_test_abc123', true],
    ['testEvent', 'evt_abc123', false],
    ['event', 'evt_abc-123', false],
    ['event', 'evt_abc123\n', false],
    ['event', ' evt_abc123', false],
    ['event', 'evt_ä', false],
    ['event', '', false],
    ['webhook', 'wh_AbC', true],
    ['webhook', 'WH_AbC', false],
  ];
  for (const [kind, id, could] of cases) {
    test(`${JSON.stringify(id.slice(0, 30))} ${could ? 'could' : 'could not'} be that of a ${kind}`, () => {
      assert.equal(isIdOf(kind, id), could);
    });
  }
});

function idsAt(now: () => number, random: Random) {
  return createIds({ clock: { now, monotonic: now, after: () => ({ cancel() {} }) }, random });
}

function assertRising(ids: readonly string[]): void {
  for (const [index, id] of ids.slice(1).entries()) {
    const before = ids[index] ?? '';
    assert.ok(before < id, `${before} stands before ${id}`);
  }
}
