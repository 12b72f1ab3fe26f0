import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fifo } from '../../src/engine/fifo.ts';
import { seeded } from '../core/support/seeded.ts';

test('what is first in is first out', () => {
  const fifo = new Fifo<number>();
  assert.equal(fifo.shift(), undefined);
  for (const item of [1, 2, 3]) fifo.push(item);
  assert.equal(fifo.size, 3);
  assert.deepEqual([fifo.shift(), fifo.shift()], [1, 2]);
  fifo.push(4);
  assert.deepEqual([fifo.shift(), fifo.shift(), fifo.shift()], [3, 4, undefined]);
  assert.equal(fifo.size, 0);
});

test('what is taken out as a whole leaves it empty', () => {
  const fifo = new Fifo<number>();
  assert.deepEqual(fifo.drain(), []);
  for (const item of [1, 2, 3]) fifo.push(item);
  fifo.shift();
  assert.deepEqual(fifo.drain(), [2, 3]);
  assert.equal(fifo.size, 0);
  fifo.push(5);
  assert.equal(fifo.shift(), 5);
});

test('it does what an array does, whatever is asked of it', (t) => {
  const random = seeded(t);
  const fifo = new Fifo<number>();
  let array: number[] = [];
  for (let turn = 0; turn < 20_000; turn++) {
    const choice = random.below(1_000);
    if (choice === 0) {
      assert.deepEqual(fifo.drain(), array);
      array = [];
    } else if (choice < 20) {
      const item = array[random.below(array.length + 1)] ?? -1;
      assert.equal(
        fifo.remove((one) => one === item),
        array.includes(item) ? item : undefined,
      );
      array = array.filter((one) => one !== item);
    } else if (choice < 520) {
      fifo.push(turn);
      array.push(turn);
    } else {
      assert.equal(fifo.shift(), array.shift());
    }
    assert.equal(fifo.size, array.length);
  }
});

test('a long one is emptied in linear time', () => {
  const fifo = new Fifo<number>();
  const count = 300_000;
  const startedAt = performance.now();
  for (let item = 0; item < count; item++) fifo.push(item);
  for (let item = 0; item < count; item++) assert.equal(fifo.shift(), item);
  assert.ok(performance.now() - startedAt < 3_000);
});
