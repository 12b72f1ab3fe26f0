// What may happen to a database server, to a real one under a real Posthorn: whatever was accepted is
// delivered, whatever is not is refused, and it goes on by itself when the database is back.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import pg from 'pg';
import { type PostgresServer, startPostgres } from '../support/postgres/server.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { cleanUp } from '../system/support/clean-up.ts';
import { DeliveriesSeen } from '../system/support/deliveries-seen.ts';
import { Publishers } from '../system/support/publishers.ts';
import { startReceiver } from '../system/support/receiver.ts';
import {
  createApi,
  ROOT_KEY,
  SERVE_KEYS,
  type ServerProcess,
  startServer,
  temporaryDirectory,
} from '../system/support/server-process.ts';

const CALM_MS = 400;
const TROUBLE_MS = 1_000;
/** From when the database is well again until an event is accepted. */
const RECOVERY_MS_MAX = 10_000;
const BACKLOG_MAX = 500;

describe('nothing accepted is lost, and the server goes on by itself', () => {
  test('when the database is restarted', async (t) => {
    const world = await open(t);
    await world.through(() => world.postgres.restart(() => after(TROUBLE_MS)));
  });

  test('when every connection to the database is ended, again and again', async (t) => {
    const world = await open(t);
    await world.through(async () => {
      for (let count = 0; count < 10; count++) {
        await world.sql(`
          select pg_terminate_backend(pid)
          from pg_stat_activity
          where pid <> pg_backend_pid() and backend_type = 'client backend'
        `);
        await after(TROUBLE_MS / 10);
      }
    });
  });

  test('when idle connections are ended while nothing is published', async (t) => {
    const world = await open(t);
    await world.sql(`
      select pg_terminate_backend(pid)
      from pg_stat_activity
      where pid <> pg_backend_pid() and backend_type = 'client backend'
    `);
    await world.through(() => after(TROUBLE_MS));
  });

  test('when the database is read-only for a while, as one is that was taken over', async (t) => {
    const world = await open(t);
    const set = async (value: 'on' | 'off') => {
      await world.sql(`alter system set default_transaction_read_only = ${value}`);
      await world.sql('select pg_reload_conf()');
    };
    await world.through(async () => {
      await set('on');
      await after(TROUBLE_MS);
      await set('off');
    });
    assert.ok(world.load.refused.length > 0, 'meanwhile it refuses');
  });

  test('when statements are given up by the database', async (t) => {
    const world = await open(t);
    await world.through(async () => {
      const blocker = new pg.Client(world.postgres.url);
      await blocker.connect();
      await blocker.query('begin');
      await blocker.query('lock table events in access exclusive mode');
      await after(TROUBLE_MS * 3);
      await blocker.query('rollback');
      await blocker.end();
    });
  });

  test('when the network to the database is cut', async (t) => {
    const world = await open(t);
    await world.through(async () => {
      world.network.cut();
      await after(TROUBLE_MS);
      world.network.mend();
    });
    assert.ok(world.load.refused.length > 0, 'meanwhile it refuses');
  });

  test('when the network falls silent, and is another one afterwards', async (t) => {
    const world = await open(t);
    await world.through(async () => {
      world.network.fallSilent();
      await after(TROUBLE_MS);
      world.network.mend();
    });
  });
});

interface World {
  postgres: PostgresServer;
  network: Awaited<ReturnType<typeof startTcpProxy>>;
  load: Publishers;
  /** On a connection of its own, past the network that is cut. */
  sql(text: string): Promise<void>;
  /** Publishes before, during and after what happens, and looks at what came of all of it. */
  through(trouble: () => Promise<void>): Promise<void>;
}

async function open(t: TestContext): Promise<World> {
  const cleanup = { after: (step: () => void | Promise<void>) => cleanUp(t, step) };
  const postgres = await startPostgres();
  cleanup.after(() => postgres.stop());
  const network = await startTcpProxy(cleanup, Number(new URL(postgres.url).port));
  const url = new URL(postgres.url);
  url.port = String(network.port);
  const seen = new DeliveriesSeen();
  const receiver = await startReceiver(t, (arrival) => {
    seen.record(arrival, 204);
    return 204;
  });
  const server = await startPosthorn(t, url.href);
  const api = createApi(server.url, ROOT_KEY);
  await api.call('POST', '/v1/webhooks', 201, { url: receiver.url, events: ['user.created'] });
  const load = new Publishers({
    key: ROOT_KEY,
    concurrency: 4,
    room: () =>
      until('the deliveries keep up', async () => {
        return load.accepted.size - seen.delivered.size < BACKLOG_MAX;
      }).then(() => {}),
  });
  cleanUp(t, () => void load.stop());

  return {
    postgres,
    network,
    load,
    async sql(text) {
      const client = new pg.Client(postgres.url);
      client.on('error', () => {});
      await client.connect();
      await client.query(text);
      await client.end();
    },
    async through(trouble) {
      load.resume(server.url);
      await after(CALM_MS);
      await trouble();
      const before = load.accepted.size;
      const wellAt = performance.now();
      await until('an event is accepted again', async () => load.accepted.size > before);
      const tookMs = performance.now() - wellAt;
      await after(CALM_MS);
      await load.stop();
      await until('everything accepted has arrived', async () =>
        load.accepted.keys().every((id) => seen.delivered.has(id)),
      );
      t.diagnostic(
        `accepted ${load.accepted.size}, refused ${load.refused.length}, unanswered ` +
          `${load.unanswered.size}, duplicates ${seen.duplicates}, again after ${Math.round(tookMs)} ms`,
      );
      assert.ok(tookMs < RECOVERY_MS_MAX, `accepts again after ${tookMs} ms`);
      assert.ok(load.accepted.size > 0);
      const otherwise = load.refused.filter((answer) => !/^503 .*"code":"\w+"/.test(answer));
      assert.deepEqual(otherwise, []);
      assert.deepEqual(load.unanswered, new Set());
      server.process.kill('SIGINT');
      assert.deepEqual(await server.process.end(), { code: 0, signal: null });
    },
  };
}

async function startPosthorn(t: TestContext, databaseUrl: string): Promise<ServerProcess> {
  return await startServer(t, {
    mode: 'serve',
    dataDir: temporaryDirectory(t),
    environment: {
      ...SERVE_KEYS,
      POSTHORN_DATABASE_URL: databaseUrl,
      POSTHORN_ALLOW_NETWORKS: '127.0.0.0/8',
      POSTHORN_ALLOW_HTTP: 'true',
      POSTHORN_LOG_LEVEL: 'error',
    },
  });
}
