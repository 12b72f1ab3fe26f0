import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Numbered } from '../../src/threads/numbered.ts';

test('a number is used again once what it stood for was taken', () => {
  const items = new Numbered<string>();
  const [a, b] = [items.add('a'), items.add('b')];
  assert.notEqual(a, b);
  assert.equal(items.size, 2);
  assert.equal(items.take(a), 'a');
  assert.equal(items.take(a), undefined, 'once');
  assert.equal(items.size, 1);
  assert.equal(items.add('c'), a);
  assert.deepEqual([items.take(b), items.take(a), items.size], ['b', 'c', 0]);
  assert.equal(items.take(7), undefined);
});
