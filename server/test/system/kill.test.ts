// kill -9 of the real server under load. `KILLS` sets how many (5 when it is not set), `SEED` repeats
// the moments of an earlier run.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { until } from '../support/until.ts';
import { cleanUp } from './support/clean-up.ts';
import { type DataFile, openDataFile } from './support/data-file.ts';
import { dataOf, Publishers } from './support/publishers.ts';
import { createSeededRandom } from './support/seeded-random.ts';
import { type SeenWebhook, startWebhooks } from './support/seen-webhooks.ts';
import {
  createApi,
  ROOT_KEY,
  SERVE_KEYS,
  type ServerProcess,
  startServer,
  temporaryDirectory,
} from './support/server-process.ts';

const KILLS = Number(process.env.KILLS ?? 5);
const SEED = Number(process.env.SEED ?? randomInt(2 ** 31));
const KILL_AFTER_MS = { min: 100, max: 900 };
const PUBLISHERS = 20;
/** Accepted and not yet delivered everywhere: beyond this publishing waits, so that the end is near. */
const BACKLOG_MAX = 1_000;
const ATTEMPTS_MAX = 20;
const RETRY_SCHEDULE = Array.from({ length: ATTEMPTS_MAX }, (_, n) => `${Math.min(n, 5) * 200}ms`);
const TEST_MS_MAX = 60_000 + KILLS * 10_000;

test('What was answered 202 reaches every webhook, byte for byte, although the server is killed under load', {
  timeout: TEST_MS_MAX,
}, async (t) => {
  const startedAt = performance.now();
  const random = createSeededRandom(SEED);
  const dataDir = temporaryDirectory(t);
  const webhooks = await startWebhooks(t);
  const load = new Publishers({
    key: ROOT_KEY,
    concurrency: PUBLISHERS,
    room: () => roomFor(load, webhooks),
  });
  cleanUp(t, () => void load.stop());

  let server = await startRun(t, dataDir, 0);
  for (const { url } of webhooks) await subscribe(server, url);
  for (let kill = 1; kill <= KILLS; kill += 1) {
    load.resume(server.url);
    await after(KILL_AFTER_MS.min + random() * (KILL_AFTER_MS.max - KILL_AFTER_MS.min));
    server.process.kill('SIGKILL');
    load.hold();
    await server.process.end();
    server = await startRun(t, dataDir, kill);
  }
  // Nothing is published any more: what is pending has to be found by the start alone.
  await load.stop();

  const data = openDataFile(join(dataDir, 'posthorn.db'));
  await allHasArrived(load, webhooks, data);
  server.process.kill('SIGINT');
  assert.deepEqual(await server.process.end(), { code: 0, signal: null });
  report(t, { load, webhooks, data, ms: performance.now() - startedAt });
  expectNothingLost(load, webhooks, data);
  expectOnlyWhatMayBeSeen(load, webhooks);
  expectWholeData(webhooks.length, data);
  data.close();
});

/** Every run of the server gives itself another name, by which its requests are known. */
function startRun(t: TestContext, dataDir: string, run: number): Promise<ServerProcess> {
  return startServer(t, {
    mode: 'serve',
    dataDir,
    environment: {
      ...SERVE_KEYS,
      POSTHORN_PRODUCT_NAME: `run-${run}`,
      POSTHORN_ALLOW_NETWORKS: '127.0.0.0/8',
      POSTHORN_ALLOW_HTTP: 'true',
      POSTHORN_RETRY_SCHEDULE: RETRY_SCHEDULE.join(','),
      POSTHORN_LOG_LEVEL: 'error',
    },
  });
}

async function subscribe(server: ServerProcess, url: string): Promise<void> {
  const api = createApi(server.url, ROOT_KEY);
  await api.call('POST', '/v1/webhooks', 201, { url, events: ['user.created'] });
}

async function roomFor(load: Publishers, webhooks: readonly SeenWebhook[]): Promise<void> {
  await until('the deliveries keep up with the publishers', async () => {
    const delivered = Math.min(...webhooks.map(({ seen }) => seen.delivered.size));
    return load.accepted.size - delivered < BACKLOG_MAX;
  });
}

/** Everything accepted was answered 2xx by each receiver, and the server has written down all of it. */
async function allHasArrived(
  load: Publishers,
  webhooks: readonly SeenWebhook[],
  data: DataFile,
): Promise<void> {
  const isDone = async () => lost(load, webhooks) === 0 && data.pendingCount() === 0;
  // What is missing at the limit is for the assertions to say.
  await until('all has arrived', isDone).catch(() => {});
}

function lost({ accepted }: Publishers, webhooks: readonly SeenWebhook[]): number {
  const missing = webhooks.map(
    ({ seen }) =>
      accepted
        .keys()
        .filter((id) => !seen.delivered.has(id))
        .toArray().length,
  );
  return sum(missing);
}

function report(
  t: TestContext,
  ran: { load: Publishers; webhooks: readonly SeenWebhook[]; data: DataFile; ms: number },
): void {
  const { load, webhooks, data } = ran;
  const stored = storedNumbers(data);
  const requests = sum(webhooks.map(({ seen }) => seen.requests));
  t.diagnostic(
    [
      `kills ${KILLS}`,
      `accepted ${load.accepted.size}`,
      `unanswered ${load.unanswered.size} (stored ${stored.intersection(load.unanswered).size})`,
      `delivered ${sum(webhooks.map(({ seen }) => seen.delivered.size))}`,
      `requests ${requests} (${requests - data.attemptCount()} not on record)`,
      `duplicates ${sum(webhooks.map(({ seen }) => seen.duplicates))}`,
      `lost ${lost(load, webhooks)}`,
      `seed ${SEED}`,
      `seconds ${(ran.ms / 1_000).toFixed(1)}`,
    ].join(', '),
  );
}

function expectNothingLost(
  load: Publishers,
  webhooks: readonly SeenWebhook[],
  data: DataFile,
): void {
  assert.equal(lost(load, webhooks), 0, 'deliveries of accepted events that did not arrive');
  const bodies = data.bodies();
  for (const [id, number] of load.accepted) {
    const body = bodies.get(id);
    assert.ok(body !== undefined, `${id} was accepted and is not stored`);
    assert.deepEqual(JSON.parse(body).data, dataOf(number));
  }
  for (const { seen } of webhooks) {
    for (const [id, { body }] of seen.events) assert.equal(body, bodies.get(id));
  }
}

function expectOnlyWhatMayBeSeen(load: Publishers, webhooks: readonly SeenWebhook[]): void {
  assert.deepEqual(load.refused, []);
  for (const { seen } of webhooks) assert.deepEqual(seen.faults, []);
}

function expectWholeData(webhookCount: number, data: DataFile): void {
  assert.deepEqual(data.quickCheck(), ['ok']);
  assert.equal(data.brokenDeliveries(), 0);
  assert.equal(data.eventsWithoutDeliveries(webhookCount), 0);
  const events = data.bodies().size;
  // The schedule is long enough that nothing was given up, and nothing is left.
  assert.deepEqual(data.deliveriesByStatus(), { delivered: events * webhookCount });
}

function storedNumbers(data: DataFile): Set<number> {
  return new Set(
    data
      .bodies()
      .values()
      .map((body) => Number(JSON.parse(body).data.number)),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
