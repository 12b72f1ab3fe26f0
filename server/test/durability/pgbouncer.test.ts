// Behind a real PgBouncer in transaction mode: every transaction may be on another connection to the
// database, and what a session has set or prepared is gone.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { openDatabase } from '../../src/store/postgres/database.ts';
import { systemUser } from '../support/postgres/binaries.ts';
import { freePort, startPostgres } from '../support/postgres/server.ts';
import { until } from '../support/until.ts';
import { cleanUp } from '../system/support/clean-up.ts';
import { startReceiver } from '../system/support/receiver.ts';
import {
  createApi,
  ROOT_KEY,
  SERVE_KEYS,
  startServer,
  temporaryDirectory,
} from '../system/support/server-process.ts';
import { hasTool } from './support/tools.ts';

const EVENTS = 300;
/** Fewer than the server's own connections: they share these. */
const SERVER_CONNECTIONS = 3;

test('works behind PgBouncer in transaction mode, through fewer connections than it opens', async (t) => {
  if (!hasTool(t, 'pgbouncer', 'pgbouncer')) return;
  const postgres = await startPostgres();
  cleanUp(t, () => postgres.stop());
  const url = await startPgBouncer(t, postgres.url);
  const receiver = await startReceiver(t, () => 204);
  const server = await startServer(t, {
    mode: 'serve',
    dataDir: temporaryDirectory(t),
    environment: {
      ...SERVE_KEYS,
      POSTHORN_DATABASE_URL: url,
      POSTHORN_ALLOW_NETWORKS: '127.0.0.0/8',
      POSTHORN_ALLOW_HTTP: 'true',
      POSTHORN_LOG_LEVEL: 'error',
    },
  });
  const api = createApi(server.url, ROOT_KEY);
  await api.call('POST', '/v1/webhooks', 201, { url: receiver.url, events: ['user.*'] });
  const publish = (number: number) =>
    api.call('POST', '/v1/events', 202, { type: 'user.created', data: { number } });
  for (let number = 0; number < EVENTS; number += 30) {
    await Promise.all(Array.from({ length: 30 }, (_, index) => publish(number + index)));
  }
  await receiver.hasReceived(EVENTS);
  const numbers = receiver.arrivals.map(({ body }) => JSON.parse(body).data.number);
  assert.equal(new Set(numbers).size, EVENTS);
  assert.equal(numbers.length, EVENTS, 'nothing twice');
  await until('all is written down', async () => (await pendingIn(postgres.url)) === 0);
  assert.ok((await connectionsOf(postgres.url)) <= SERVER_CONNECTIONS);
  server.process.kill('SIGINT');
  assert.deepEqual(await server.process.end(), { code: 0, signal: null });
  assert.equal(server.process.stderr, '');
});

test('statements are kept where a connection is to one server process, and not behind a pooler', async (t) => {
  if (!hasTool(t, 'pgbouncer', 'pgbouncer')) return;
  const postgres = await startPostgres();
  cleanUp(t, () => postgres.stop());
  const ways = [postgres.url, await startPgBouncer(t, postgres.url)];
  const found = ways.map(async (url) => {
    const { keepsStatements, close } = await openDatabase(url);
    await close();
    return keepsStatements;
  });
  assert.deepEqual(await Promise.all(found), [true, false]);
});

/** Answers the URL that leads through it. */
async function startPgBouncer(t: TestContext, databaseUrl: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-pgbouncer-'));
  cleanUp(t, () => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  const database = new URL(databaseUrl);
  const port = await freePort();
  const settings = join(folder, 'pgbouncer.ini');
  writeFileSync(
    settings,
    `
[databases]
* = user=posthorn host=127.0.0.1 port=${database.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
auth_file =
pool_mode = transaction
default_pool_size = ${SERVER_CONNECTIONS}
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
`,
    { mode: 0o644 },
  );
  const pgbouncer = spawn('pgbouncer', [settings], {
    ...systemUser(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  cleanUp(t, () => {
    pgbouncer.kill('SIGKILL');
  });
  let said = '';
  pgbouncer.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const url = new URL(databaseUrl);
  url.port = String(port);
  await until('PgBouncer answers', async () => {
    if (pgbouncer.exitCode !== null) throw new Error(said);
    return await isThere(url.href);
  });
  return url.href;
}

async function isThere(url: string): Promise<boolean> {
  const client = new pg.Client(url);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function pendingIn(url: string): Promise<number> {
  return await ask(url, 'select count(*)::int as n from pending');
}

async function connectionsOf(url: string): Promise<number> {
  return await ask(
    url,
    `
      select count(*)::int as n
      from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid()
    `,
  );
}

async function ask(url: string, sql: string): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return Number((await client.query(sql)).rows[0]?.n);
  } finally {
    await client.end();
  }
}
