import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import {
  DISTRIBUTED,
  distributeTables,
  LOCAL,
  NotDistributedError,
  REFERENCE,
} from '../../src/store/postgres/distribution.ts';
import { freshDatabase, migratedDatabase } from '../support/postgres.ts';
import { cleanUp } from '../system/support/clean-up.ts';

const MIGRATIONS = new URL('../../src/store/postgres/migrations/', import.meta.url);
const STATEMENTS = new URL('../../src/store/postgres/', import.meta.url);

describe('the migrations keep to what a distributed PostgreSQL can do', () => {
  const sql = readdirSync(MIGRATIONS)
    .map((name) => readFileSync(new URL(name, MIGRATIONS), 'utf8'))
    .join('\n')
    .replaceAll(/--.*$/gm, '');
  const tables = [...sql.matchAll(/create table (?:if not exists )?(\w+) \(([\s\S]*?)\n\)/g)].map(
    ([, name = '', columns = '']) => ({ name, columns }),
  );

  test('each table is of an account, a reference table, or of the coordinator alone', () => {
    const known = [...Object.keys(DISTRIBUTED), ...REFERENCE, ...LOCAL].sort();
    const made = [...tables.map(({ name }) => name), 'schema_migrations'].sort();
    assert.deepEqual(made, known);
  });

  for (const { name, columns } of tables) {
    const account = DISTRIBUTED[name];
    if (account === undefined) continue;
    test(`${name} has the account first in its primary key and in every unique index`, () => {
      const own = new RegExp(`^  ${account} text collate "C" primary key`, 'm');
      const first = new RegExp(`primary key \\(${account}[,)]`);
      assert.match(columns, account === 'id' ? own : first);
      const unique = [
        ...sql.matchAll(new RegExp(`create unique index \\w+ on ${name} \\((\\w+)`, 'g')),
      ];
      for (const [, column] of unique) assert.equal(column, account);
    });
  }

  test('there is no foreign key, no trigger, no cursor and no function of our own', () => {
    for (const word of [
      /\breferences\b/,
      /foreign key/,
      /create (?:constraint )?trigger/,
      /create function/,
    ]) {
      assert.doesNotMatch(sql, word);
    }
    for (const name of readdirSync(STATEMENTS)) {
      if (!name.endsWith('.ts')) continue;
      const source = readFileSync(new URL(name, STATEMENTS), 'utf8');
      assert.doesNotMatch(source, /declare \w+ cursor|pg-cursor/);
    }
  });
});

describe('distribute', () => {
  test('says what is missing where the extension is not there, and changes nothing', async (t) => {
    const client = await connected(t, await freshDatabase({ after: (step) => cleanUp(t, step) }));
    await assert.rejects(distributeTables(client), NotDistributedError);
    await assert.rejects(distributeTables(client), /create extension citus/);
  });

  test("issues Citus's statements once: reference tables first, then by account, all beside one another", async (t) => {
    const { url, drop } = await migratedDatabase();
    cleanUp(t, drop);
    const client = await connected(t, url);
    await client.query(CITUS_THAT_TAKES_NOTE);
    const done = await distributeTables(client);
    assert.equal(done.length, REFERENCE.length + Object.keys(DISTRIBUTED).length);
    assert.equal(done.at(-1), 'idempotency is distributed by account_id.');
    const { rows } = await client.query('select * from asked order by n');
    assert.deepEqual(
      rows.map(({ what }) => what),
      [
        ...REFERENCE.map((table) => `reference ${table}`),
        'distributed accounts id',
        ...Object.entries(DISTRIBUTED)
          .slice(1)
          .map(([table, column]) => `distributed ${table} ${column} beside accounts`),
      ],
    );
    assert.deepEqual(await distributeTables(client), []);
  });
});

async function connected(t: TestContext, url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  cleanUp(t, () => client.end());
  return client;
}

/**
 * Citus cannot be had everywhere. What is tested here is which statements are issued and that a second
 * call issues none; what they do is Citus's.
 */
const CITUS_THAT_TAKES_NOTE = `
  insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
  values (999999, 'citus', 10, 'pg_catalog'::regnamespace, false, '13.2');
  create table asked (n integer generated always as identity, what text);
  create table pg_dist_partition (logicalrelid regclass);
  create function create_reference_table(of text) returns void language sql as $$
    insert into asked (what) values ('reference ' || of);
    insert into pg_dist_partition values (of::regclass);
  $$;
  create function create_distributed_table(of text, by text, colocate_with text default null)
  returns void language sql as $$
    insert into asked (what)
    values ('distributed ' || of || ' ' || by || coalesce(' beside ' || colocate_with, ''));
    insert into pg_dist_partition values (of::regclass);
  $$;
`;
