import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinkedList, type Listed } from '../../src/engine/linked-list.ts';
import { seeded } from '../core/support/seeded.ts';

test('it does what a set does, whatever is asked of it', (t) => {
  const random = seeded(t);
  const list = new LinkedList<Numbered>();
  const set = new Set<Numbered>();
  for (let turn = 0; turn < 5_000; turn++) {
    if (random.below(20) < 11) {
      const item = numbered(turn);
      list.add(item);
      set.add(item);
    } else {
      const item = [...set][random.below(set.size)];
      if (item === undefined) continue;
      set.delete(item);
      assert.equal(list.remove(item), true);
      assert.deepEqual(item, numbered(item.number), 'nothing leads from it to the others');
    }
    assert.equal(list.size, set.size);
    assert.deepEqual(list.oldest, [...set][0] ?? null);
  }
  assert.deepEqual(
    [...list].map(({ number }) => number),
    [...set].map(({ number }) => number),
  );
});

test('what does not stand in it, or stands in another, is not taken out', () => {
  const [list, other] = [new LinkedList<Numbered>(), new LinkedList<Numbered>()];
  const item = numbered(1);
  assert.equal(list.remove(item), false);
  other.add(item);
  assert.equal(list.remove(item), false);
  assert.deepEqual([list.size, other.size], [0, 1]);
  assert.equal(other.remove(item), true);
  assert.equal(other.remove(item), false);
});

interface Numbered extends Listed {
  number: number;
}

function numbered(number: number): Numbered {
  return { number, list: null, older: null, newer: null };
}
