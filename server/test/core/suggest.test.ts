import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { closest, didYouMean } from '../../src/core/suggest.ts';

const TYPES = ['user.created', 'user.updated', 'user.deleted', 'team.member.added'];

describe('a misspelt word means', () => {
  const cases: [word: string, candidates: readonly string[], meant: string | undefined][] = [
    ['user.created', TYPES, 'user.created'],
    ['user.craeted', TYPES, 'user.created'],
    ['user.create', TYPES, 'user.created'],
    ['users.created', TYPES, 'user.created'],
    ['user_created', TYPES, 'user.created'],
    ['user.delated', TYPES, 'user.deleted'],
    ['invoice.paid', TYPES, undefined],
    ['', TYPES, undefined],
    ['user.created', [], undefined],
    // A third of the word's characters may differ, and in short words one.
    ['abcdef', ['abcdxx'], 'abcdxx'],
    ['abcdef', ['abcxxx'], undefined],
    ['ab', ['ax'], 'ax'],
    ['ab', ['xy'], undefined],
    ['a', ['b'], 'b'],
    // Two neighbours that changed places are one mistake.
    ['abc', ['acb'], 'acb'],
    ['abc', ['cab'], undefined],
    ['ba', ['ab'], 'ab'],
    // The nearest; of equally near ones the first.
    ['abcdef', ['abcdxx', 'abcdex'], 'abcdex'],
    ['abcdef', ['abcdex', 'abcdxf'], 'abcdex'],
    ['x'.repeat(128), ['x'.repeat(127)], 'x'.repeat(127)],
    ['x'.repeat(129), ['x'.repeat(129)], undefined],
  ];
  for (const [word, candidates, meant] of cases) {
    const shown = word.length > 20 ? `${word.length} characters` : `"${word}"`;
    test(`${shown} among ${candidates.length}: ${meant?.slice(0, 20) ?? 'nothing'}`, () => {
      assert.equal(closest(word, candidates), meant);
    });
  }
});

test('a suggestion is a sentence to be put behind another, or nothing', () => {
  assert.equal(didYouMean('urll', ['url', 'events']), ' Did you mean "url"?');
  assert.equal(didYouMean('something', ['url', 'events']), '');
});

test('a long word is compared with many candidates in no time', () => {
  const candidates = Array.from({ length: 1_000 }, (_, index) => `${'x'.repeat(124)}${index}`);
  const startedAt = performance.now();
  closest('x'.repeat(128), candidates);
  closest('y'.repeat(1_000_000), candidates);
  assert.ok(performance.now() - startedAt < 5_000);
});
