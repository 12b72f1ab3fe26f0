import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { readMigrations } from '../../src/store/postgres/migrate.ts';
import { freshDatabase, run } from '../support/postgres.ts';
import { RunningProcess } from '../system/support/child-process.ts';
import {
  cleanEnvironment,
  launch,
  SERVE_KEYS,
  type ServerOptions,
  startServer,
  temporaryDirectory,
} from '../system/support/server-process.ts';

const PROGRAM = fileURLToPath(new URL('../../src/cli/index.ts', import.meta.url));

describe('posthorn migrate', () => {
  test('makes the schema, and says so once', async (t) => {
    const url = await freshDatabase(t);
    assert.deepEqual(await migrate(url), [0, eachIs('done')]);
    assert.deepEqual(await migrate(url), [0, 'Nothing to do: the schema is up to date.\n']);
  });

  test('--status fails while something is missing, and changes nothing', async (t) => {
    const url = await freshDatabase(t);
    assert.deepEqual(await migrate(url, '--status'), [1, eachIs('is missing')]);
    assert.deepEqual(await tablesOf(url), 0);
    await migrate(url);
    assert.deepEqual(await migrate(url, '--status'), [0, eachIs('has run')]);
  });

  test('--dry-run prints the statements, and changes nothing', async (t) => {
    const url = await freshDatabase(t);
    const [code, printed] = await migrate(url, '--dry-run');
    assert.equal(code, 0);
    assert.match(printed, /^-- 0003-first\n.*create table deliveries/s);
    assert.equal(await tablesOf(url), 0);
    // What is printed is what runs.
    await run(url, printed);
    assert.ok((await tablesOf(url)) > 10);
  });

  test('--distribute says what is missing where the database is not a distributed one', async (t) => {
    const url = await freshDatabase(t);
    const [code, printed] = await migrate(url, '--distribute');
    assert.equal(code, 1);
    assert.match(printed, /0003-first: done\n.*no extension "citus".*create extension citus/s);
  });

  test('two at the same time do it once', async (t) => {
    const url = await freshDatabase(t);
    const printed = await Promise.all([migrate(url), migrate(url)]);
    const lines = printed.flatMap(([, text]) => text.match(/.*: done\n/g) ?? []);
    assert.deepEqual(lines.sort().join(''), eachIs('done'));
    assert.deepEqual(await migrate(url, '--status'), [0, eachIs('has run')]);
  });

  test('a schema of a newer Posthorn is refused, and so is one that was edited', async (t) => {
    const url = await freshDatabase(t);
    await migrate(url);
    await run(url, `update schema_migrations set checksum = 'edited'`);
    assert.match((await migrate(url))[1], /is not the one that this data was made with/);
    await run(
      url,
      `delete from schema_migrations where number < (select max(number) from schema_migrations);
      update schema_migrations set number = 9000, name = '9000-later'`,
    );
    assert.match((await migrate(url))[1], /newer Posthorn \(migration 9000-later\)/);
  });

  test('without a PostgreSQL, or where none answers, it says what to do', async () => {
    const [code, text] = await migrate('sqlite:somewhere.db');
    assert.equal(code, 1);
    assert.match(text, /set POSTHORN_DATABASE_URL/);
    assert.match((await migrate('postgres://u:hidden@127.0.0.1:1/db'))[1], /cannot be reached/);
  });
});

test('With POSTHORN_MIGRATE=never a server does not start on a schema that is not there', async (t) => {
  const url = await freshDatabase(t);
  const options = optionsOn(t, url);
  const refused = launch(t, options);
  assert.deepEqual(await refused.end(), { code: 1, signal: null });
  assert.match(refused.stderr, /0003-first.+run "posthorn migrate"/);
  assert.equal(await tablesOf(url), 0);
  await migrate(url);
  const server = await startServer(t, options);
  server.process.kill('SIGTERM');
  assert.deepEqual(await server.process.end(), { code: 0, signal: null });
});

function optionsOn(t: TestContext, url: string): ServerOptions {
  return {
    mode: 'serve',
    dataDir: temporaryDirectory(t),
    environment: { ...SERVE_KEYS, POSTHORN_DATABASE_URL: url, POSTHORN_MIGRATE: 'never' },
  };
}

/** A line for every migration that there is. */
function eachIs(state: string): string {
  return readMigrations()
    .map(({ name }) => `${name}: ${state}\n`)
    .join('');
}

/** Its exit code, and what it printed on either stream. */
async function migrate(
  url: string,
  ...args: string[]
): Promise<[code: number | null, text: string]> {
  const command = new RunningProcess({
    command: process.execPath,
    args: [PROGRAM, 'migrate', ...args],
    environment: { ...cleanEnvironment(), POSTHORN_DATABASE_URL: url },
  });
  const { code } = await command.end();
  return [code, command.stdout + command.stderr];
}

async function tablesOf(url: string): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client.query(
    `select count(*)::integer as count from pg_tables where schemaname = 'public'`,
  );
  await client.end();
  return rows[0].count;
}
