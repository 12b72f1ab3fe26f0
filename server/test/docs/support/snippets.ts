import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after } from 'node:test';
import { snippetsIn } from '../../../../scripts/snippets.ts';

/** A page's blocks in one language, to be run. */
export interface Snippets {
  /** The only block that fits and was not taken yet. */
  take(pattern: RegExp): string;
  /** All that are left, in their order. */
  takeAll(): string[];
}

/**
 * The blocks of a page. Each has to be taken by a test of the file that asks, or the file fails:
 * `scripts/docs-check.ts` goes by the calls of this function, and one that is not run would be a hole.
 */
export function snippetsOf(page: string, language: string): Snippets {
  const path = new URL(`../../../../${page}`, import.meta.url);
  const left = snippetsIn(readFileSync(path, 'utf8')).filter((each) => each.language === language);
  after(() => {
    const lines = left.map(({ line }) => `${page}:${line}`);
    assert.deepEqual(lines, [], 'a test runs each block');
  });
  return {
    take(pattern) {
      const found = left.filter(({ text }) => pattern.test(text));
      const [snippet] = found;
      assert.ok(snippet !== undefined && found.length === 1, `${found.length} have ${pattern}`);
      left.splice(left.indexOf(snippet), 1);
      return snippet.text;
    },
    takeAll: () => left.splice(0).map(({ text }) => text),
  };
}
