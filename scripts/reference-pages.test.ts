import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  codesTable,
  errorsTable,
  OPENAPI_PATH,
  REFERENCE_PAGES,
  readPage,
  referenceFaults,
  settingsTable,
  withTables,
} from './reference-pages.ts';

test('the tables of the reference pages are those in code', () => {
  assert.deepEqual(referenceFaults(), []);
});

describe('a page is at fault when', () => {
  const changes: readonly [what: string, change: (table: string) => string][] = [
    ['a row is missing', (table) => table.replace(/^\| `.*\n/m, '')],
    ['a row was changed by hand', (table) => table.replace(/^\| `(.*)\|$/m, '| `$1 and more |')],
    ['a row was added by hand', (table) => table.replace(/^\| --- .*$/m, '$&\n| `mine` | |')],
  ];
  for (const { path } of REFERENCE_PAGES) {
    for (const [what, change] of changes) {
      test(`${what} (${path})`, () => {
        const [before = '', ...tables] = readPage(path).split(/(?=<!-- made)/);
        const changed = before + change(tables.join(''));
        const faults = referenceFaults((read) => (read === path ? changed : readPage(read)));
        assert.equal(faults.length, 1);
        assert.match(faults[0] ?? '', new RegExp(`^${path}: a table differs`));
      });
    }
  }

  test('it is the OpenAPI document and was changed by hand', () => {
    const faults = referenceFaults((read) =>
      read === OPENAPI_PATH
        ? readPage(read).replace('createWebhook', 'makeWebhook')
        : readPage(read),
    );
    assert.equal(faults.length, 1);
    assert.match(faults[0] ?? '', /^spec\/openapi\.json: not what the server answers/);
  });

  test('its markers are gone', () => {
    assert.throws(() => referenceFaults(() => '# A page\n'), /has no line "<!-- made by/);
  });
});

test('a table is replaced and the text around it stays', () => {
  const page = readPage('docs/errors.md');
  const changed = withTables(page, ['| a |\n| --- |']);
  assert.equal(changed.split('<!-- made')[0], page.split('<!-- made')[0]);
  assert.ok(!changed.includes('`not_found`'));
  assert.equal(withTables(changed, ['| a |\n| --- |']), changed);
});

test('each table of a page is replaced by its own', () => {
  const page = readPage('docs/webhooks.md');
  const tables = ['| a |', '| b |', '| c |', '| d |'];
  const changed = withTables(page, tables);
  assert.deepEqual(
    changed
      .split(/<!-- made.*-->\n\n/)
      .slice(1)
      .map((part) => part.split('\n')[0]),
    tables,
  );
  assert.throws(() => withTables(page, [...tables, '| e |']), /has no line/);
});

test('a setting shows both defaults where they differ, and that it is secret', () => {
  const setting = {
    env: 'POSTHORN_A',
    type: 'number',
    bounds: '1 | 2',
    parse: Number,
    default: { dev: '1', serve: null },
    neededToServe: null,
    secret: true,
    emptyIsValue: false,
    describe: 'A.',
  } as const;
  assert.equal(
    settingsTable({ a: setting }).split('\n').at(-1),
    '| `POSTHORN_A` | number: 1 \\| 2 | none; `dev`: `1` | A. Secret. |',
  );
  assert.match(settingsTable({ a: { ...setting, neededToServe: 'why' } }), /`serve` needs one/);
});

test('an error shows its status, its meaning and what to do', () => {
  assert.equal(
    errorsTable({ teapot: { status: 418, title: 'A teapot', help: 'Use a pot.' } }).split('\n')[2],
    '| `teapot` | 418 | A teapot | Use a pot. |',
  );
});

test('a code shows its sentence', () => {
  assert.equal(codesTable({ a_b: 'It broke.' }).split('\n')[2], '| `a_b` | It broke. |');
});
