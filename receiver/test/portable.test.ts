import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const SOURCE = new URL('../src/', import.meta.url);

test('only node.ts imports anything that is not a file beside it', () => {
  const importing = readdirSync(SOURCE)
    .flatMap((file) => imports(file).map((specifier) => ({ file, specifier })))
    .filter(({ specifier }) => !specifier.startsWith('./'));
  assert.deepEqual(importing, [{ file: 'node.ts', specifier: 'node:crypto' }]);
});

test('nothing imports node.ts, so that the package runs where Node is not', () => {
  const importing = readdirSync(SOURCE).filter((file) => imports(file).includes('./node.ts'));
  assert.deepEqual(importing, []);
});

function imports(file: string): string[] {
  const text = readFileSync(new URL(file, SOURCE), 'utf8');
  return [...text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*'([^']+)'/g)].map(
    (match) => match[1] ?? '',
  );
}
