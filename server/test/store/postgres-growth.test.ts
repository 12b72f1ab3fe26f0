import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { DEFAULT_ACCOUNT_ID } from '../../src/core/ids.ts';
import { bare } from '../../src/store/ids.ts';
import { cleanUp } from '../system/support/clean-up.ts';
import { costByHistory } from './support/cost-by-history.ts';
import { explained, pagesOf } from './support/explained.ts';
import { filledId } from './support/filled-postgres.ts';
import { openMeasuredWork, type Work } from './support/postgres-work.ts';

const ROUNDS = 12;
const PAGES_GROWTH_MAX = 1.5;
const HISTORY = 20_000;
const COST_GROWTH_MAX = 1.1;

describe('what was delivered and is not vacuumed yet', () => {
  test('beside a transaction that is held open, finding work touches no more pages than at first', async (t) => {
    const { url, work } = await openMeasuredWork(t, { webhooks: 4 });
    const holding = await connected(t, url);
    await holding.query('begin isolation level repeatable read');
    await holding.query('select count(*) from pending');
    await work.round();
    const first = await pagesOf(() => findAll(work));
    for (let round = 0; round < ROUNDS; round++) await work.round();
    const last = await pagesOf(() => findAll(work));
    t.diagnostic(`${first} pages at first, ${last} after ${work.ended} deliveries`);
    assert.ok(last <= PAGES_GROWTH_MAX * first, `${first} pages at first, then ${last}`);
  });

  for (const ordering of ['none', 'strict'] as const) {
    test(`a lower number that becomes visible late is found: ${ordering}`, async (t) => {
      const { url, work } = await openMeasuredWork(t, { webhooks: 2 });
      const webhook =
        work.webhooks.find(({ settings }) => settings.ordering === ordering) ??
        assert.fail('there is one of each');
      await work.round();
      const slow = await connected(t, url);
      await slow.query('begin');
      await publishSlowly(slow, bare(webhook.id));
      // The floor rises as far as it may, while what comes after is published and delivered.
      for (let round = 0; round < ROUNDS; round++) await work.round();
      await slow.query('commit');
      const found = await work.due(webhook);
      assert.deepEqual(
        found.map(({ id }) => bare(id)),
        [filledId(1)],
      );
    });
  }

  test('a number is drawn by who has written something else before', async (t) => {
    const { work } = await openMeasuredWork(t, { webhooks: 1 });
    const { store, newId, webhooks } = work;
    const [webhook = assert.fail('there is a webhook')] = webhooks;
    const ref = { accountId: DEFAULT_ACCOUNT_ID, webhookId: webhook.id };
    const published = await insertsOf(() => work.publish(webhook, 2));
    const [delivery = assert.fail('it is due')] = await work.due(webhook);
    const again = { accountId: ref.accountId, deliveryId: delivery.id, newId: newId('delivery') };
    const redelivered = await insertsOf(() => store.redeliver({ ...again, createdAt: 1 }));
    for (const inserts of [published, redelivered]) {
      assert.ok(inserts.includes('pending'));
      assert.notEqual(inserts[0], 'pending');
    }
  });
});

test('Publishing and settling touch as many pages beside ten times the history', async (t) => {
  const cost = (history: number) => costByHistory(t, { history, rounds: 12 });
  const few = await cost(HISTORY);
  const many = await cost(10 * HISTORY);
  t.diagnostic(JSON.stringify({ few, many }));
  assert.ok(many.pages <= COST_GROWTH_MAX * few.pages);
  assert.ok(many.logBytes <= COST_GROWTH_MAX * few.logBytes);
});

async function findAll(work: Work): Promise<void> {
  for (const webhook of work.webhooks) await work.due(webhook);
}

async function connected(t: TestContext, url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  cleanUp(t, () => client.end());
  return client;
}

/** As another node would, one that is slow to commit. */
async function publishSlowly(client: pg.Client, webhookId: string): Promise<void> {
  const account = bare(DEFAULT_ACCOUNT_ID);
  const id = filledId(1);
  await client.query(
    `insert into events (account_id, id, type, created_at, body) values ($1, $2, 'x', 1, '{}')`,
    [account, id],
  );
  await client.query(
    `
      insert into deliveries (account_id, id, webhook_id, event_id, event_type, "trigger", status,
        created_at, due_at)
      values ($1, $2, $3, $2, 'x', 'schedule', 'pending', 1, 1)
    `,
    [account, id, webhookId],
  );
  await client.query(
    'insert into pending (account_id, webhook_id, delivery_id) values ($1, $3, $2)',
    [account, id, webhookId],
  );
}

/** The tables that rows are inserted into, in this order. */
async function insertsOf(calls: () => Promise<unknown>): Promise<string[]> {
  const statements = await explained(calls);
  return statements.flatMap(({ sql }) => /insert into (\w+)/.exec(sql)?.[1] ?? []);
}
