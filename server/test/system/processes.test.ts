// `serve` as several processes on one port and one real PostgreSQL.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import pg from 'pg';
import { scrape } from '../observe/support/metrics-text.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { childrenOf, haveEnded } from './support/children.ts';
import { cleanUp } from './support/clean-up.ts';
import { contentsOf } from './support/database-contents.ts';
import { Publishers } from './support/publishers.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';
import {
  createApi,
  launch,
  ROOT_KEY,
  SERVE_KEYS,
  type ServerOptions,
  startServer,
  temporaryDirectory,
} from './support/server-process.ts';

const PROCESSES = 3;
/** Where their number does not matter, since each takes its time to start. */
const FEW = { POSTHORN_PROCESSES: '2' };
const EVENTS = 100;
/** Accepted and not delivered yet: beyond this publishing waits. */
const BACKLOG_MAX = 200;
/** Longer than anything is waited for here: what hangs ends only when it is made to. */
const PATIENT = { POSTHORN_DRAIN_LIMIT: '60s', POSTHORN_ATTEMPT_TIMEOUT: '60s' };
/** What only `keepConnections` asks. */
const KEPT_REQUESTS = 'http_request_seconds_count{method="GET",route="/healthz",status="2xx"}';
const ENDED_WELL = { code: 0, signal: null };

test('several processes share a port, and deliver once what any of them accepts', async (t) => {
  const { url, client } = await startDatabase(t);
  const receiver = await startReceiver(t, () => 204);
  const server = await startServer(t, serving(t, { url }));
  const children = childrenOf(server.process.pid);
  assert.equal(children.length, PROCESSES);
  assert.match(server.process.stdout, /^Posthorn is serving at \S+ \(data: .+, 3 processes\)\n$/);

  await subscribe(server.url, receiver);
  const api = createApi(server.url, ROOT_KEY);
  const publish = () => api.call('POST', '/v1/events', 202, { type: 'user.created', data: {} });
  await Promise.all(Array.from({ length: EVENTS }, publish));
  await receiver.hasReceived(EVENTS);
  await until('all is written', async () => (await contentsOf(client).pendingCount()) === 0);
  assert.equal(new Set(eventIdsAt(receiver)).size, receiver.arrivals.length, 'nothing twice');
  const metrics = await scrape(server);
  assert.equal(metrics.value('store_events_total'), EVENTS);
  assert.equal(metrics.value('deliveries_ended_total{status="delivered"}'), EVENTS);
  assert.equal(metrics.value('scrape_incomplete'), 0);
  assert.match(metrics.text, /^posthorn_build_info\{.+\} 1$/m);

  server.process.kill('SIGTERM');
  assert.deepEqual(await server.process.end(), ENDED_WELL);
  await haveEnded(children);
  assert.match(server.process.stdout, /\nStopping: .+\nStopped\.\n$/);
  assert.equal(server.process.stderr, '');
});

test('a process that is killed is started again, and nothing that was accepted is lost', async (t) => {
  const { url, client } = await startDatabase(t);
  const receiver = await startReceiver(t, () => 204);
  const server = await startServer(t, serving(t, { url }));
  const [killed = 0] = childrenOf(server.process.pid);
  await subscribe(server.url, receiver);
  const load: Publishers = new Publishers({
    key: ROOT_KEY,
    concurrency: 2 * PROCESSES,
    room: async () =>
      void (await until('receivers keep up', async () => openAt(receiver, load) < BACKLOG_MAX)),
  });
  cleanUp(t, () => void load.stop());
  load.resume(server.url);
  await receiver.hasReceived(EVENTS);
  const connections = await keepConnections(server.url, 2 * PROCESSES);
  assert.equal((await scrape(server)).value(KEPT_REQUESTS), connections.length);

  process.kill(killed, 'SIGKILL');
  await until('another process serves in its place', async () => {
    const children = childrenOf(server.process.pid);
    return children.length === PROCESSES && !children.includes(killed);
  });
  const closed = () => connections.filter((connection) => connection.closed).length;
  await until('its connections are closed', async () => closed() > 0);
  await load.stop();
  await until('all is written', async () => (await contentsOf(client).pendingCount()) === 0);

  const arrived = new Set(eventIdsAt(receiver));
  assert.deepEqual(
    [...load.accepted.keys()].filter((id) => !arrived.has(id)),
    [],
  );
  assert.ok(load.accepted.size > EVENTS);
  assert.equal(closed(), 2, 'its share of the connections');
  for (const connection of connections) connection.destroy();
  assert.equal((await scrape(server)).value(KEPT_REQUESTS), connections.length, 'no sum falls');
  assert.equal(server.process.stderr, 'A process fell (by SIGKILL). Another is started at once.\n');
});

test('an interrupt from the terminal, which every process hears, drains them all', async (t) => {
  const held = await holdOneDelivery(t);
  held.server.process.killGroup('SIGINT');
  await held.server.process.output(/Stopping/);
  held.answer(204);
  assert.deepEqual(await held.server.process.end(), ENDED_WELL);
  await haveEnded(held.children);
  assert.equal(held.server.process.stderr, '');
  assert.deepEqual(await held.deliveries(), { delivered: 1 });
});

test('a second signal ends them all at once', async (t) => {
  const { server, children } = await holdOneDelivery(t);
  server.process.kill('SIGTERM');
  await server.process.output(/Stopping/);
  // The time between the signals is what this is about.
  await after(1_100);
  server.process.kill('SIGTERM');
  assert.deepEqual(await server.process.end(), { code: 130, signal: null });
  await haveEnded(children);
});

test('without their parent the processes finish what is in progress, and end', async (t) => {
  const held = await holdOneDelivery(t);
  held.server.process.kill('SIGKILL');
  await until('nothing is accepted any more', () => isRefused(held.server.url));
  held.answer(204);
  await haveEnded(held.children);
  assert.deepEqual(await held.deliveries(), { delivered: 1 });
});

test('what keeps them from starting is said once', async (t) => {
  const { url } = await startDatabase(t);
  const alone = { POSTHORN_PROCESSES: '1' };
  const server = await startServer(t, serving(t, { url, environment: alone }));
  server.process.kill('SIGTERM');
  await server.process.end();
  const cases: [environment: Record<string, string>, said: RegExp][] = [
    [
      { POSTHORN_ENCRYPTION_KEY: Buffer.alloc(32, 8).toString('base64') },
      /^This data was encrypted with another key: .+\n$/,
    ],
    [
      { ...FEW, POSTHORN_PORT: await takePort(t) },
      /^.*EADDRINUSE.+\. Choose another port with .+\n$/,
    ],
    [
      { ...FEW, POSTHORN_DATABASE_URL: 'postgres://127.0.0.1:1/none' },
      /^The database cannot be used: .+\n$/,
    ],
  ];
  for (const [environment, said] of cases) {
    const refused = launch(t, serving(t, { url, environment }));
    assert.deepEqual(await refused.end(), { code: 1, signal: null });
    assert.match(refused.stderr, said);
    assert.equal(refused.stdout, '');
  }
});

interface Serving {
  url: string;
  environment?: Record<string, string>;
}

function serving(t: TestContext, { url, environment }: Serving): ServerOptions {
  return {
    mode: 'serve',
    dataDir: temporaryDirectory(t),
    ownGroup: true,
    environment: {
      ...SERVE_KEYS,
      POSTHORN_HOST: '127.0.0.1',
      POSTHORN_DATABASE_URL: url,
      POSTHORN_PROCESSES: String(PROCESSES),
      POSTHORN_ALLOW_NETWORKS: '127.0.0.0/8',
      POSTHORN_ALLOW_HTTP: 'true',
      POSTHORN_LOG_LEVEL: 'error',
      ...environment,
    },
  };
}

async function startDatabase(t: TestContext): Promise<{ url: string; client: pg.Client }> {
  const url = await freshDatabase({ after: (step) => cleanUp(t, step) });
  const client = new pg.Client(url);
  await client.connect();
  cleanUp(t, () => client.end());
  return { url, client };
}

async function subscribe(url: string, receiver: Receiver): Promise<void> {
  const webhook = { url: receiver.url, events: ['user.created'] };
  await createApi(url, ROOT_KEY).call('POST', '/v1/webhooks', 201, webhook);
}

/** A server whose one delivery hangs until it is answered. */
async function holdOneDelivery(t: TestContext) {
  const { url, client } = await startDatabase(t);
  const { promise, resolve: answer } = Promise.withResolvers<number>();
  const receiver = await startReceiver(t, () => promise);
  const server = await startServer(t, serving(t, { url, environment: { ...FEW, ...PATIENT } }));
  const children = childrenOf(server.process.pid);
  await subscribe(server.url, receiver);
  const event = { type: 'user.created', data: {} };
  await createApi(server.url, ROOT_KEY).call('POST', '/v1/events', 202, event);
  await receiver.hasReceived(1);
  const deliveries = () => contentsOf(client).deliveriesByStatus();
  return { server, children, answer, deliveries };
}

function eventIdsAt({ arrivals }: Receiver): string[] {
  return arrivals.map(({ headers }) => String(headers['webhook-id']));
}

function openAt({ arrivals }: Receiver, { accepted }: Publishers): number {
  return accepted.size - arrivals.length;
}

/** Connections that have had an answer each, and are kept. */
async function keepConnections(url: string, count: number): Promise<Socket[]> {
  const { hostname, port } = new URL(url);
  const sockets: Socket[] = [];
  for (let number = 0; number < count; number++) {
    const socket = connect(Number(port), hostname);
    // The process at the other end is killed.
    socket.on('error', () => {});
    socket.write(`GET /healthz HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
    await once(socket, 'data');
    sockets.push(socket);
  }
  return sockets;
}

async function isRefused(url: string): Promise<boolean> {
  return await fetch(`${url}/healthz`).then(
    () => false,
    () => true,
  );
}

async function takePort(t: TestContext): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => void server.close());
  return String((server.address() as AddressInfo).port);
}
