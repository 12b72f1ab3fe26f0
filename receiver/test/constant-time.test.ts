import assert from 'node:assert/strict';
import { test } from 'node:test';
import { equalInConstantTime } from '../src/constant-time.ts';

const TEXT = 'sha256=0123456789abcdef';

test('a text equals itself', () => {
  assert.ok(equalInConstantTime(TEXT, `${TEXT}`));
  assert.ok(equalInConstantTime('', ''));
});

test('a text that differs at any one place is another', () => {
  for (let index = 0; index < TEXT.length; index++) {
    const other = `${TEXT.slice(0, index)}~${TEXT.slice(index + 1)}`;
    assert.ok(!equalInConstantTime(TEXT, other) && !equalInConstantTime(other, TEXT));
  }
});

test('differences that cancel out are differences', () => {
  assert.ok(!equalInConstantTime('ab', 'ba'));
  assert.ok(!equalInConstantTime('aa', 'bb'));
});

test('a text never equals its beginning, nor one that goes on', () => {
  for (let length = 0; length < TEXT.length; length++) {
    const start = TEXT.slice(0, length);
    assert.ok(!equalInConstantTime(TEXT, start) && !equalInConstantTime(start, TEXT));
  }
});
