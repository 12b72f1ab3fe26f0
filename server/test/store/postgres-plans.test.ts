// PostgreSQL chooses how it runs a statement by what it knows of the tables, and that may be nothing, or
// what was true when they were empty. What the store asks goes by an index all the same, and costs what
// it answers: here for an account that has everything.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type pg from 'pg';
import { DEFAULT_ACCOUNT_ID } from '../../src/core/ids.ts';
import type { Store } from '../../src/core/ports.ts';
import { SHARDS } from '../../src/core/shards.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { run } from '../support/postgres.ts';
import { type Explained, explained } from './support/explained.ts';
import { FILLED_FROM, fill, filledId } from './support/filled-postgres.ts';
import { openMeasuredWork, type Work } from './support/postgres-work.ts';

const DELIVERIES = 100_000;
const WEBHOOKS = 4;
const PENDING_ONE_IN = 3;
const BIG = ['events', 'deliveries', 'pending', 'attempts'];
const ACCOUNT = DEFAULT_ACCOUNT_ID;
const LATE = FILLED_FROM + DELIVERIES;

interface Question {
  ask: (store: Store, work: Work) => Promise<unknown>;
  /** Pages that each of its statements may touch. */
  pagesMax: number;
}

/** By what is asked. A page of 10 is 10 rows in two or three tables, at four pages a row. */
const QUESTIONS: Record<string, Question> = {
  'what is due': { ask: (store, work) => due(store, work, 'none'), pagesMax: 150 },
  'what is due in strict order': {
    ask: (store, work) => due(store, work, 'strict'),
    pagesMax: 150,
  },
  'a full page of what is due': {
    ask: (store, work) => due(store, work, 'none', 100),
    pagesMax: 1_000,
  },
  'the webhooks with something pending': {
    ask: (store) => store.webhooksWithPending({ after: null, limit: 200, counts: false }),
    pagesMax: 60,
  },
  'how many are pending for a webhook': {
    ask: (store, { webhooks: [webhook] }) =>
      store.countPending({ accountId: ACCOUNT, webhookId: webhook?.id ?? '' }, 1_000),
    // That many entries of the index, and their rows where the table was never vacuumed.
    pagesMax: 150,
  },
  'a node asks for the webhooks of its shards': {
    ask: (store) =>
      store.webhooksWithPending({
        ...{ after: null, limit: 200, counts: false },
        shards: Array.from({ length: SHARDS }, (_, shard) => shard),
      }),
    pagesMax: 60,
  },
  'send times that are kept': {
    ask: (store, work) => sendTimes(store, work, 0),
    pagesMax: 100,
  },
  'send times before they were kept': {
    ask: (store, work) => sendTimes(store, work, 1),
    // Of so many deliveries on each side (`LOOKED_AT_MAX`) their rows and their attempts.
    pagesMax: 200_000,
  },
  'a step of a recovery': {
    ask: async (store, { webhooks: [webhook], newId }) => {
      const id = newId('recovery');
      const span = { since: 0, until: LATE, status: 'running', deliveryCount: 0 } as const;
      const of = { accountId: ACCOUNT, webhookId: webhook?.id ?? '', id };
      await store.createRecovery({ ...of, ...span, createdAt: 1, endedAt: null });
      await store.recoverStep({ accountId: ACCOUNT, id, limit: 100, now: 1 });
    },
    pagesMax: 1_500,
  },
  'the recoveries that run': { ask: (store) => store.runningRecoveries(), pagesMax: 20 },
  'the figures of a webhook': {
    ask: (store, { webhooks: [webhook] }) =>
      store.deliveryStats({ accountId: ACCOUNT, webhookId: webhook?.id ?? '' }, 0),
    // The newest 1,000, and a count up to 10,000 in the index.
    pagesMax: 1_300,
  },
  'a delivery with its attempts': {
    ask: (store) => store.getDelivery(ACCOUNT, `del_${filledId(5)}`),
    pagesMax: 20,
  },
  'a page of deliveries': {
    ask: (store) => store.listDeliveries(ACCOUNT, {}, { limit: 20 }),
    pagesMax: 60,
  },
  'a page of deliveries of a webhook': {
    ask: (store, { webhooks: [webhook] }) =>
      store.listDeliveries(ACCOUNT, { webhookId: webhook?.id }, { limit: 20 }),
    pagesMax: 60,
  },
  'a page of deliveries of an event': {
    ask: (store) => store.listDeliveries(ACCOUNT, { eventId: `evt_${filledId(5)}` }, { limit: 20 }),
    pagesMax: 20,
  },
  'deliveries that failed, of which there are none': {
    ask: (store) => store.listDeliveries(ACCOUNT, { status: 'failed' }, { limit: 20 }),
    pagesMax: 100,
  },
  'an event': { ask: (store) => store.getEvent(ACCOUNT, `evt_${filledId(5)}`), pagesMax: 20 },
  'a page of events': {
    ask: (store) => store.listEvents(ACCOUNT, {}, { limit: 20 }),
    pagesMax: 60,
  },
  'what is sent again': {
    ask: (store, { newId }) =>
      store.redeliver({
        accountId: ACCOUNT,
        deliveryId: `del_${filledId(5)}`,
        newId: newId('delivery'),
        createdAt: 1,
      }),
    pagesMax: 60,
  },
  'what is published and settled': {
    ask: async (store, work) => {
      const [webhook = assert.fail('there is a webhook')] = work.webhooks;
      await work.publish(webhook, 50);
      const found = await store.due({ ...dueOf(work, 'none'), limit: 50 });
      await work.settle(found.deliveries);
    },
    // Each row has a place in three or four indexes.
    pagesMax: 1_500,
  },
  'what is cancelled with its webhook': {
    ask: async (store, { webhooks }) => {
      const webhook = webhooks.at(-1) ?? assert.fail('there is a webhook');
      const lane = { accountId: ACCOUNT, webhookId: webhook.id };
      await store.disableWebhook(lane, 'failing', 1);
      await store.cancelPending(lane, 'webhook_disabled', 100);
    },
    pagesMax: 2_000,
  },
};

const KNOWLEDGE: Record<
  string,
  (client: pg.Client, fillAll: () => Promise<void>) => Promise<void>
> = {
  'a planner that knows nothing of the tables': (_, fillAll) => fillAll(),
  'a planner that has seen them empty': async (client, fillAll) => {
    await client.query('analyze');
    await fillAll();
  },
  'a planner that has seen them full': async (client, fillAll) => {
    await fillAll();
    await client.query('analyze');
  },
};

for (const [what, prepare] of Object.entries(KNOWLEDGE)) {
  describe(`${DELIVERIES} deliveries and ${what}`, () => {
    test('each question goes by an index and touches few pages', async (t) => {
      const { work, client } = await openUnanalysed(t);
      await prepare(client, () => fillAll(client, work));
      const faults: string[] = [];
      for (const [name, { ask, pagesMax }] of Object.entries(QUESTIONS)) {
        const all = await explained(() => ask(work.store, work));
        assert.ok(all.length > 0, name);
        const most = Math.max(...all.map(({ buffers }) => buffers));
        t.diagnostic(`${name}: ${most} pages of ${pagesMax}`);
        faults.push(
          ...all.flatMap((one) => faultsOf(one, pagesMax)).map((one) => `${name}: ${one}`),
        );
      }
      assert.deepEqual(faults, []);
    });
  });
}

/** Nothing is analysed but by the test. */
async function openUnanalysed(t: TestContext) {
  const opened = await openMeasuredWork(t, { webhooks: WEBHOOKS });
  for (const table of BIG) {
    await run(opened.url, `alter table ${table} set (autovacuum_enabled = off)`);
  }
  return opened;
}

async function fillAll(client: pg.Client, { webhooks }: Work): Promise<void> {
  await fill(client, {
    accountId: ACCOUNT,
    webhookIds: webhooks.map(({ id }) => id),
    deliveries: DELIVERIES,
    pendingOneIn: PENDING_ONE_IN,
  });
}

function faultsOf({ sql, steps, buffers }: Explained, pagesMax: number): string[] {
  const ways = steps.filter(({ kind, table }) => {
    const isScan = kind === 'Seq Scan' && BIG.includes(table ?? '');
    return isScan || kind === 'Hash Join' || kind === 'Merge Join';
  });
  return [
    ...ways.map(({ kind, table }) => `${kind} ${table ?? ''} in ${sql}`),
    ...(buffers > pagesMax ? [`${buffers} pages, not ${pagesMax}, by ${sql}`] : []),
  ];
}

function dueOf({ webhooks: [webhook] }: Work, ordering: 'none' | 'strict') {
  const lane = { accountId: ACCOUNT, webhookId: webhook?.id ?? '', ordering };
  return { ...lane, dueBefore: systemClock.now(), limit: 10, bytesMax: 1_000_000, except: [] };
}

function due(store: Store, work: Work, ordering: 'none' | 'strict', limit = 10) {
  return store.due({ ...dueOf(work, ordering), limit });
}

/** `limitedSince`: since when the webhook has a rate limit, by which its send times are kept. */
async function sendTimes(store: Store, { webhooks: [webhook] }: Work, limitedSince: number) {
  const ref = { accountId: ACCOUNT, webhookId: webhook?.id ?? '' };
  const rateLimit = limitedSince === 0 ? { max: 10, perMs: 1_000 } : null;
  const settings = { ...(webhook?.settings ?? assert.fail('there is a webhook')), rateLimit };
  await store.updateWebhook(ACCOUNT, ref.webhookId, { settings }, 0);
  await store.sendTimes({ ...ref, since: FILLED_FROM, limit: 10 });
}
