// The columns that are sent to PostgreSQL as bytes, as it reads them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { read, written } from '../../src/store/postgres/values.ts';
import { freshDatabase } from '../support/postgres.ts';

const TEXTS = [
  '',
  'plain',
  '"quoted", \\ and {braces}',
  'é東🦊',
  'NUL \0 and \u001a',
  null,
  'NULL',
];
const COLUMNS: [type: string, values: readonly unknown[]][] = [
  ['text', TEXTS],
  ['text', ['x'.repeat(100_000), '']],
  ['text', []],
  ['bigint', [0, 1, -1, 2 ** 31, 2 ** 32, -(2 ** 32) - 1, null, 2 ** 53 - 1, 1 - 2 ** 53]],
  ['integer', [0, -1, 2 ** 31 - 1, -(2 ** 31), null]],
  ['smallint', [0, 1, -1, 32_767, -32_768, null]],
];

test('a column arrives as it was', async (t) => {
  const client = new pg.Client(await freshDatabase(t));
  await client.connect();
  for (const [type, values] of COLUMNS) {
    const sql = `select value::text as value from unnest($1::${type}[]) with ordinality as column_ (value, n) order by n`;
    const { rows } = await client.query(sql, written(sql, [values]));
    const arrived = rows.map(({ value }) => (value === null ? null : read(value)));
    assert.deepEqual(
      arrived,
      values.map((value) => (value === null ? null : String(value))),
      type,
    );
  }
  await client.end();
});

test('what is no integer is refused: as bytes it would be some number', () => {
  for (const type of ['bigint', 'integer', 'smallint']) {
    for (const value of [0.5, Number.NaN, undefined, true, '1', 2 ** 53]) {
      assert.throws(() => written(`select $1::${type}[]`, [[value]]), /no integer/);
    }
  }
  assert.throws(() => written('select $1::integer[]', [[2 ** 31]]), RangeError);
});

test('a column of no type that is named is refused', () => {
  assert.throws(() => written('select $1', [['text']]), /\$1 has no array type/);
});
