import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import pg from 'pg';
import { freshDatabase } from '../../support/postgres.ts';
import type { RunningProcess } from '../../system/support/child-process.ts';
import { cleanUp } from '../../system/support/clean-up.ts';
import { contentsOf, type DatabaseContents } from '../../system/support/database-contents.ts';
import { befall, type Fate, type Node, runOf, startNodes } from '../../system/support/nodes.ts';
import { OrderSeen } from '../../system/support/order-seen.ts';
import { startAnswering } from '../../system/support/receiver.ts';
import { createApi, ROOT_KEY } from '../../system/support/server-process.ts';
import { Answered, Repeats } from './answered.ts';
import { fencedIn } from './fenced.ts';
import { LoadSeen, typeOf } from './load-seen.ts';
import { Periods } from './periods.ts';
import { RATE_CONCURRENCY_MAX, RATE_LIMIT, RateSeen } from './rate-seen.ts';
import { storedAsPublished } from './stored.ts';

/** Many: what comes in while a node commits goes into its next transaction. */
const PUBLISHERS_PER_NODE = 32;
const STRICT_TYPES = ['project.created', 'project.updated'];
/** Beside those that are accepted: refused while a node has no lease, or not answered. */
const NUMBERS_NOT_ACCEPTED_MAX = 500_000;
const STRICT_MAX = 2_000_000;
const REST_MS_MAX = 120_000;
const REST_EVERY_MS = 500;

export interface LongRun {
  nodes: readonly Node[];
  /** Events, by now. */
  readonly accepted: number;
  befall(node: Node, fate: Fate): Promise<void>;
  /** Ends the load, waits for the rest of the deliveries, ends the nodes; answers what is pending. */
  settle(): Promise<number>;
  figures(): Promise<Record<string, unknown>>;
  expectAllRight(): Promise<void>;
}

interface World {
  t: TestContext;
  url: string;
  nodes: readonly Node[];
  contents: DatabaseContents;
  load: LoadSeen;
  rate: RateSeen;
  orders: readonly OrderSeen[];
  periods: Periods;
  repeats: Repeats;
}

export async function startLongRun(
  t: TestContext,
  { nodes: count, events }: { nodes: number; events: number },
): Promise<LongRun> {
  const url = await freshDatabase({ after: (step) => cleanUp(t, step) });
  const seen = { periods: new Periods(), repeats: new Repeats() };
  const numbersPerNode = events + NUMBERS_NOT_ACCEPTED_MAX;
  const load = new LoadSeen(1 + count * numbersPerNode, seen);
  await load.start(t);
  const orders = await Promise.all(STRICT_TYPES.map((type) => startOrdered(t, type, seen)));
  const rate = new RateSeen(ROOT_KEY, seen);
  rate.url = await startAnswering(t, (arrival) => rate.record(arrival));
  const nodes = await startNodes(t, {
    url,
    count,
    numbersPerNode,
    // That it says which outcomes came too late.
    logLevel: 'warn',
    load: {
      key: ROOT_KEY,
      concurrency: PUBLISHERS_PER_NODE,
      room: () => load.room.wait(),
      typeOf,
      onAccepted: (number) => load.accept(number),
    },
  });
  const client = new pg.Client(url);
  await client.connect();
  cleanUp(t, () => client.end());
  return await begin({ t, url, nodes, contents: contentsOf(client), load, rate, orders, ...seen });
}

async function startOrdered(
  t: TestContext,
  type: string,
  seen: { periods: Periods; repeats: Repeats },
): Promise<OrderSeen> {
  const order = new OrderSeen(ROOT_KEY, type);
  const answered = new Answered({ name: type, places: STRICT_MAX, ...seen });
  order.url = await startAnswering(t, (arrival) => {
    answered.record(JSON.parse(arrival.body).data.number, arrival, 204);
    return order.record(arrival);
  });
  return order;
}

async function begin(world: World): Promise<LongRun> {
  const { t, url, nodes, load, rate, orders, periods } = world;
  await subscribe(world);
  for (const node of nodes) node.load.resume(node.server.url);
  let fallen: Node | null = null;
  const started = () => nodes.map((node) => [runOf(node), node.server.process] as const);
  const runs = new Map(started());
  const publishers = [...orders, rate].map(({ publisher }) => publisher);
  const publishing = publishers.map((publisher) => ({
    publisher,
    ending: publisher.publishAt(() =>
      nodes.filter((node) => node !== fallen).map(({ server }) => server.url),
    ),
  }));
  return {
    nodes,
    get accepted() {
      return load.accepted + publishers.reduce((total, { accepted }) => total + accepted, 0);
    },
    async befall(node, fate) {
      const { hasExited, stderr } = node.server.process;
      assert.ok(!hasExited, `a node ended by itself: ${stderr}`);
      const run = runOf(node);
      const onBack = () => {
        if (fate === 'frozen') periods.wakes(run);
      };
      periods.ends(run, fate);
      fallen = node;
      await befall(t, { node, fate, url, onBack });
      fallen = null;
      for (const [name, process] of started()) runs.set(name, process);
    },
    async settle() {
      const ended = Promise.all([
        ...publishing.map(({ publisher, ending }) => publisher.stop(ending)),
        ...nodes.map((node) => node.load.stop()),
      ]);
      for (const { room } of [load, rate]) room.open();
      await ended;
      const left = await rest(world);
      await explainRepeats(world, runs);
      return left;
    },
    figures: () => figures(world),
    expectAllRight: () => expectAllRight(world),
  };
}

async function subscribe({ nodes, load, orders, rate }: World): Promise<void> {
  const webhooks = [
    ...load.webhooks.map(({ url, type }) => ({ url, events: [type] })),
    ...orders.map(({ url, publisher }) => ({ url, events: [publisher.type], ordering: 'strict' })),
    {
      url: rate.url,
      events: [rate.publisher.type],
      rate_limit: { max: RATE_LIMIT.max, per: `${RATE_LIMIT.perMs / 1_000}s` },
      concurrency_max: RATE_CONCURRENCY_MAX,
    },
  ];
  for (const [index, webhook] of webhooks.entries()) {
    const api = createApi(nodes[index % nodes.length]?.server.url ?? '', ROOT_KEY);
    await api.call('POST', '/v1/webhooks', 201, webhook);
  }
}

/** Nothing new is accepted: what is pending ends soon, or is for the assertions to say. */
async function rest({ nodes, contents }: World): Promise<number> {
  const endsAt = performance.now() + REST_MS_MAX;
  let pending = await contents.pendingCount();
  while (pending > 0 && performance.now() < endsAt) {
    await after(REST_EVERY_MS);
    pending = await contents.pendingCount();
  }
  for (const { server } of nodes) {
    server.process.kill('SIGINT');
    assert.deepEqual(await server.process.end(), { code: 0, signal: null });
  }
  return pending;
}

/**
 * A node may lose its lease, or a shard that it was giving up, for want of processor time alone: nothing was
 * done to it. Then it says of what it had in progress that its outcome was fenced. And an answer may come
 * after the time-out of its attempt, which is on record then.
 */
async function explainRepeats(
  { contents, repeats }: World,
  runs: ReadonlyMap<string, Pick<RunningProcess, 'stdout'>>,
): Promise<void> {
  const unheard = await contents.unheardOf(repeats.kept.map(({ deliveryId }) => deliveryId));
  const fenced = new Map([...runs].map(([name, { stdout }]) => [name, fencedIn(stdout)]));
  repeats.explainKept(({ deliveryId, answered }) => {
    if (fenced.get(answered)?.has(deliveryId)) {
      return 'a node that had lost the shard had not written the answer down';
    }
    return unheard.has(deliveryId) ? 'the answer was not heard in time' : null;
  });
}

async function figures({ nodes, contents, load, rate, orders, repeats }: World) {
  const loads = nodes.map((node) => node.load);
  return {
    nodes: nodes.length,
    accepted: load.accepted,
    inOrder: orders.map(({ accepted }) => accepted),
    underRateLimit: rate.publisher.accepted,
    unanswered: loads.reduce((total, { unanswered }) => total + unanswered.size, 0),
    failures: loads.map(({ failures }) => Object.fromEntries(failures)),
    refused: loads.reduce((total, { refused }) => total + refused.length, 0),
    undecided: loads.reduce((total, { undecided }) => total + undecided.size, 0),
    requests: load.requests,
    attemptsOnRecord: await contents.attemptCount(),
    lost: load.lost() + rate.missing,
    duplicates: repeats.count,
    ...Object.fromEntries(repeats.byReason),
    unexplained: repeats.unexplained,
    tooEarly: rate.tooEarly,
    tooEarlyOf: rate.tooEarlyOf,
    tooEarlyOfFrozen: rate.tooEarlyOfFrozen,
    rateSpanMsMin: Math.round(rate.spanMsMin),
    rateSpanMsOnRecord: await rateSpanMs({ contents, rate }),
  };
}

function rateSpanMs({ contents, rate }: Pick<World, 'contents' | 'rate'>): Promise<number | null> {
  return contents.shortestSpanMs(rate.publisher.type, RATE_LIMIT.max);
}

async function expectAllRight(world: World): Promise<void> {
  const { nodes, contents, load, rate, orders, repeats } = world;
  assert.equal(load.lost(), 0, 'deliveries of accepted events that did not arrive');
  assert.equal(rate.missing, 0, 'events under a rate limit that did not arrive');
  assert.deepEqual(load.faults, [], 'requests that were not as published');
  for (const { faults, missing } of orders) {
    assert.deepEqual(faults, []);
    assert.ok(missing <= 0, `${missing} ordered events did not arrive`);
  }
  assert.equal(rate.tooEarly, 0, 'requests above the rate limit of nodes that were not frozen');
  const spanMs = await rateSpanMs(world);
  assert.ok(spanMs === null || spanMs >= RATE_LIMIT.perMs, `above the rate limit: ${spanMs} ms`);
  assert.deepEqual(repeats.examples, [], 'sent again without a reason');
  for (const node of nodes) {
    assert.deepEqual(node.load.refused.filter(isNotUnavailable), []);
  }
  await storedAsPublished(world);
  assert.deepEqual(Object.keys(await contents.deliveriesByStatus()), ['delivered']);
  assert.equal(await contents.brokenDeliveries(), 0);
  assert.equal(await contents.wakesLeft(), 0);
}

/** A node that was frozen has no lease for a moment, or no connection to the database any more. */
function isNotUnavailable(refused: string): boolean {
  return !refused.startsWith('503 ');
}
