import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DueHeap } from '../../src/engine/due-heap.ts';
import { seeded } from '../core/support/seeded.ts';

test('an empty heap has nothing on top', () => {
  const heap = new DueHeap<string>();
  assert.equal(heap.peek(), undefined);
  assert.equal(heap.pop(), undefined);
  heap.push(1, 'a');
  assert.deepEqual(heap.pop(), { at: 1, item: 'a' });
  assert.equal(heap.pop(), undefined);
});

test('the earliest moment is on top, whatever the order they came in', (t) => {
  const random = seeded(t);
  for (let turn = 0; turn < 200; turn++) {
    const heap = new DueHeap<number>();
    const moments = Array.from({ length: random.below(100) }, () => random.below(50));
    for (const [index, at] of moments.entries()) heap.push(at, index);
    const sorted = moments.toSorted((a, b) => a - b);
    for (const at of sorted) {
      assert.equal(heap.peek()?.at, at);
      const popped = heap.pop();
      assert.equal(popped?.at, at);
      assert.equal(moments[popped?.item ?? -1], at, 'the item is still with its moment');
    }
    assert.equal(heap.pop(), undefined);
  }
});

test('it does what a sorted array does while moments come and go', (t) => {
  const random = seeded(t);
  const heap = new DueHeap<number>();
  const sorted: number[] = [];
  for (let turn = 0; turn < 20_000; turn++) {
    if (random.below(100) < 51) {
      const at = random.below(1_000);
      heap.push(at, turn);
      sorted.push(at);
      sorted.sort((a, b) => a - b);
    } else {
      assert.equal(heap.pop()?.at, sorted.shift());
    }
    assert.equal(heap.peek()?.at, sorted[0]);
  }
});

test('each item comes out once', (t) => {
  const random = seeded(t);
  const heap = new DueHeap<number>();
  for (let item = 0; item < 1_000; item++) heap.push(random.below(10), item);
  const items: (number | undefined)[] = [];
  for (let item = 0; item < 1_000; item++) items.push(heap.pop()?.item);
  assert.equal(new Set(items).size, 1_000);
  assert.ok(!items.includes(undefined));
});
