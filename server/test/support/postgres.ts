import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { migrate } from '../../src/store/postgres/migrate.ts';
import type { Cleanup } from './cleanup.ts';
import { startPostgres } from './postgres/server.ts';

/**
 * PostgreSQL for tests: one server for each test file that asks for it, or the one at
 * `TEST_POSTGRES_URL`, whose role may create databases. It ends with the process, after whatever tests undo.
 */
let server: Promise<{ url: string }> | null = null;

/** The URL of a new and empty database, which is dropped when the test has ended. */
export async function freshDatabase(cleanup: Cleanup): Promise<string> {
  const { url, drop } = await createDatabase('template1');
  cleanup.after(drop);
  return url;
}

/** A new database with the schema, which whoever asked for it drops. */
export async function migratedDatabase(): Promise<TestDatabase> {
  template ??= createTemplate();
  return await createDatabase((await template).name);
}

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/** Copying a database is quicker than to migrate one. */
let template: Promise<{ name: string } & TestDatabase> | null = null;

async function createTemplate(): Promise<{ name: string } & TestDatabase> {
  const database = await createDatabase('template1');
  await migrate(database.url);
  return { ...database, name: new URL(database.url).pathname.slice(1) };
}

async function createDatabase(template: string): Promise<TestDatabase> {
  const { url: serverUrl } = await running();
  const name = `posthorn_test_${randomBytes(8).toString('hex')}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await run(serverUrl, `create database ${name} template ${template}`);
  return {
    url: url.href,
    drop: () => run(serverUrl, `drop database ${name} with (force)`),
  };
}

/** One statement, on a connection of its own. */
export async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function running(): NonNullable<typeof server> {
  server ??= given() ?? startForThisProcess();
  return server;
}

async function startForThisProcess(): Promise<{ url: string }> {
  const started = await startPostgres();
  started.leaveToExit();
  return started;
}

function given(): typeof server {
  const url = process.env.TEST_POSTGRES_URL ?? '';
  return url === '' ? null : Promise.resolve({ url });
}
