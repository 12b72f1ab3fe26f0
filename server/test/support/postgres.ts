import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import pg from 'pg';
import type { Cleanup } from './cleanup.ts';
import { type PostgresServer, startPostgres } from './postgres/server.ts';

/**
 * PostgreSQL for tests: one server for each test file that asks for it, or the one at
 * `TEST_POSTGRES_URL`, whose role may create databases. It is stopped when the file has ended.
 */
let server: Promise<PostgresServer> | null = null;

after(async () => {
  await (await server)?.stop();
});

/** The URL of a new and empty database, which is dropped when the test has ended. */
export async function freshDatabase(cleanup: Cleanup): Promise<string> {
  const { url, drop } = await createDatabase();
  cleanup.after(drop);
  return url;
}

export async function createDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const { url: serverUrl } = await running();
  const name = `posthorn_test_${randomBytes(8).toString('hex')}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await run(serverUrl, `create database ${name}`);
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

function running(): Promise<PostgresServer> {
  server ??= given() ?? startPostgres();
  return server;
}

function given(): Promise<PostgresServer> | null {
  const url = process.env.TEST_POSTGRES_URL ?? '';
  return url === '' ? null : Promise.resolve({ url, async stop() {} });
}
