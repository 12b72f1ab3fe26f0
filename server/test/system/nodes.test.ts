// Several real nodes on one real PostgreSQL: killed, frozen past their lease, drained and started again
// under load. `NODES`, `ROUNDS` and `SEED` set how many, how often and in which order.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import pg from 'pg';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { cleanUp } from './support/clean-up.ts';
import { contentsOf, type DatabaseContents } from './support/database-contents.ts';
import { befall, FATES, type Node, startNodes } from './support/nodes.ts';
import { OrderSeen } from './support/order-seen.ts';
import { dataOf } from './support/publishers.ts';
import { startAnswering } from './support/receiver.ts';
import { createSeededRandom } from './support/seeded-random.ts';
import { type SeenWebhook, startWebhooks } from './support/seen-webhooks.ts';
import { createApi, ROOT_KEY } from './support/server-process.ts';

const NODES = Number(process.env.NODES ?? 2);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const SEED = Number(process.env.SEED ?? randomInt(2 ** 31));
const PUBLISHERS = 8;
/** Accepted and not yet delivered everywhere: beyond this publishing waits. */
const BACKLOG_MAX = 1_000;
const LOAD_MS = { min: 300, max: 1_500 };
const TEST_MS_MAX = 120_000 + ROUNDS * 40_000;

test(`What ${NODES} nodes accepted reaches every webhook, whatever happens to them`, {
  timeout: TEST_MS_MAX,
}, async (t) => {
  const startedAt = performance.now();
  const random = createSeededRandom(SEED);
  const url = await freshDatabase({ after: (step) => cleanUp(t, step) });
  const webhooks = await startWebhooks(t);
  const order = await startOrdered(t);
  const room = () => roomFor(nodes, webhooks);
  const load = { key: ROOT_KEY, concurrency: PUBLISHERS, room };
  const nodes: Node[] = await startNodes(t, {
    url,
    count: NODES,
    load,
    numbersPerNode: 1_000_000,
  });
  await subscribe(nodes, webhooks, order);

  const ordered = order.publisher.publishAt(() => nodes.map(({ server }) => server.url));
  for (const node of nodes) node.load.resume(node.server.url);
  for (let round = 0; round < ROUNDS; round++) {
    await after(LOAD_MS.min + random() * (LOAD_MS.max - LOAD_MS.min));
    const node = nodes[Math.floor(random() * nodes.length)];
    const fate = FATES[round % FATES.length];
    assert.ok(node !== undefined && fate !== undefined);
    await befall(t, { node, fate, url });
  }
  await order.publisher.stop(ordered);
  for (const { load } of nodes) await load.stop();

  const client = new pg.Client(url);
  await client.connect();
  const contents = contentsOf(client);
  const accepted = acceptedBy(nodes);
  await allHasArrived({ accepted, webhooks, contents });
  for (const { server } of nodes) {
    server.process.kill('SIGINT');
    assert.deepEqual(await server.process.end(), { code: 0, signal: null });
  }
  await report(t, { nodes, webhooks, contents, order, ms: performance.now() - startedAt });
  await expectNothingLost({ accepted, webhooks, contents });
  for (const { load } of nodes) assert.deepEqual(load.refused.filter(isNotUnavailable), []);
  assert.deepEqual(order.faults, []);
  assert.equal(order.missing, 0, 'ordered events that did not arrive');
  assert.equal(await contents.brokenDeliveries(), 0);
  await client.end();
});

async function startOrdered(t: TestContext): Promise<OrderSeen> {
  const seen = new OrderSeen(ROOT_KEY);
  seen.url = await startAnswering(t, (arrival) => seen.record(arrival));
  return seen;
}

async function subscribe(
  nodes: readonly Node[],
  webhooks: readonly SeenWebhook[],
  order: OrderSeen,
): Promise<void> {
  const urls = webhooks.map(({ url }) => url);
  for (const [index, url] of urls.entries()) {
    const api = createApi(nodes[index % nodes.length]?.server.url ?? '', ROOT_KEY);
    await api.call('POST', '/v1/webhooks', 201, { url, events: ['user.created'] });
  }
  const api = createApi(nodes.at(-1)?.server.url ?? '', ROOT_KEY);
  const ordered = { url: order.url, events: ['project.created'], ordering: 'strict' };
  await api.call('POST', '/v1/webhooks', 201, ordered);
}

function acceptedBy(nodes: readonly Node[]): Map<string, number> {
  return new Map(nodes.flatMap(({ load }) => [...load.accepted]));
}

async function roomFor(nodes: readonly Node[], webhooks: readonly SeenWebhook[]): Promise<void> {
  await until('the deliveries keep up with the publishers', async () => {
    const delivered = Math.min(...webhooks.map(({ seen }) => seen.delivered.size));
    return sum(nodes.map(({ load }) => load.accepted.size)) - delivered < BACKLOG_MAX;
  });
}

interface Ended {
  accepted: ReadonlyMap<string, number>;
  webhooks: readonly SeenWebhook[];
  contents: DatabaseContents;
}

/** Everything accepted was answered 2xx by each receiver, and all of it is written down. */
async function allHasArrived({ accepted, webhooks, contents }: Ended): Promise<void> {
  const isDone = async () =>
    lost(accepted, webhooks) === 0 && (await contents.pendingCount()) === 0;
  // What is missing at the limit is for the assertions to say.
  await until('all has arrived', isDone).catch(() => {});
}

function lost(accepted: ReadonlyMap<string, number>, webhooks: readonly SeenWebhook[]): number {
  return sum(
    webhooks.map(({ seen }) => {
      const missing = accepted.keys().filter((id) => !seen.delivered.has(id));
      return missing.toArray().length;
    }),
  );
}

/** A node that was frozen has no lease for a moment: it says 503, also when the commit was on its way. */
function isNotUnavailable(refused: string): boolean {
  return !refused.startsWith('503 ');
}

async function expectNothingLost({ accepted, webhooks, contents }: Ended): Promise<void> {
  assert.equal(lost(accepted, webhooks), 0, 'deliveries of accepted events that did not arrive');
  const bodies = await contents.bodies();
  for (const [id, number] of accepted) {
    const body = bodies.get(id);
    assert.ok(body !== undefined, `${id} was accepted and is not stored`);
    assert.deepEqual(JSON.parse(body).data, dataOf(number));
  }
  for (const { seen } of webhooks) {
    for (const [id, { body }] of seen.events) assert.equal(body, bodies.get(id));
  }
  // The schedule is long enough that nothing was given up, and nothing is left.
  assert.deepEqual(Object.keys(await contents.deliveriesByStatus()), ['delivered']);
  assert.equal(await contents.wakesLeft(), 0);
}

async function report(
  t: TestContext,
  ran: {
    nodes: readonly Node[];
    webhooks: readonly SeenWebhook[];
    contents: DatabaseContents;
    order: OrderSeen;
    ms: number;
  },
): Promise<void> {
  const { nodes, webhooks, contents, order } = ran;
  const requests = sum(webhooks.map(({ seen }) => seen.requests));
  const onRecord = await contents.attemptCount();
  t.diagnostic(
    [
      `nodes ${NODES}, rounds ${ROUNDS}`,
      `accepted ${acceptedBy(nodes).size}`,
      `unanswered ${sum(nodes.map(({ load }) => load.unanswered.size))}`,
      `refused ${sum(nodes.map(({ load }) => load.refused.length))}`,
      `requests ${requests}`,
      `attempts on record ${onRecord}`,
      `duplicates ${sum(webhooks.map(({ seen }) => seen.duplicates))}`,
      `in order ${order.accepted}, sent again ${order.repeats}`,
      `lost ${lost(acceptedBy(nodes), webhooks)}`,
      `seed ${SEED}`,
      `seconds ${(ran.ms / 1_000).toFixed(1)}`,
    ].join(', '),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
