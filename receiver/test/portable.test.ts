import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../src/', import.meta.url));
const files = globSync('**/*.ts', { cwd: SOURCE });

test('only what is for Node alone imports anything that is not a file beside it', () => {
  const importing = files
    .flatMap((file) => imports(file).map((specifier) => ({ file, specifier })))
    .filter(({ specifier }) => !specifier.startsWith('.'));
  assert.deepEqual(
    importing.toSorted((one, other) => (one.file < other.file ? -1 : 1)),
    [
      { file: 'node.ts', specifier: 'node:crypto' },
      { file: 'testing.ts', specifier: 'node:http' },
    ],
  );
});

test('nothing imports those two, so that the package runs where Node is not', () => {
  const importing = files.filter((file) =>
    imports(file)
      .map((specifier) => posix.join(posix.dirname(file), specifier))
      .some((path) => path === 'node.ts' || path === 'testing.ts'),
  );
  assert.deepEqual(importing, []);
});

test('no file but that of the HMAC looks for what only Node has', () => {
  const looking = files.filter((file) => /\bprocess\b|\bBuffer\./.test(code(file)));
  assert.deepEqual(looking, ['hmac.ts']);
});

function imports(file: string): string[] {
  const text = readFileSync(SOURCE + file, 'utf8');
  return [...text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*'([^']+)'/g)].map(
    (match) => match[1] ?? '',
  );
}

function code(file: string): string {
  return readFileSync(SOURCE + file, 'utf8').replace(/\/\*\*?(?:.|\n)*?\*\/|\/\/.*/g, '');
}
