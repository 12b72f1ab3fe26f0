// Statements that the server keeps (`statements.ts`) are planned once for each connection: here for tables
// that are empty, before much is written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type pg from 'pg';
import { until } from '../support/until.ts';
import { openMeasuredWork } from './support/postgres-work.ts';

/** A statement has a plan of its own for so many times, then one for good. */
const ROUNDS_BEFORE = 10;
const ROUNDS = 100;
const EVENTS_OF_A_ROUND = 50;
/** Pages of indexes per delivery. */
const PAGES_MAX = 30;

test('A statement that is kept finds its rows in tables that have grown since', async (t) => {
  const { work, client } = await openMeasuredWork(t, { webhooks: 1, failingOneIn: 5 });
  const [webhook = assert.fail('there is a webhook')] = work.webhooks;
  const publishAndSettle = async (rounds: number, events: number) => {
    for (let round = 0; round < rounds; round++) {
      await work.publish(webhook, events);
      await work.settle(await work.due(webhook));
    }
  };
  await publishAndSettle(ROUNDS_BEFORE, 1);
  await publishAndSettle(ROUNDS, EVENTS_OF_A_ROUND);
  await work.close();
  const deliveries = ROUNDS * EVENTS_OF_A_ROUND;
  // A connection counts for all to see when it has ended.
  await until('all is counted', async () => (await pagesRead(client)) >= deliveries);
  const perDelivery = (await pagesRead(client)) / deliveries;
  t.diagnostic(`${perDelivery.toFixed(1)} pages of indexes for each delivery`);
  assert.ok(perDelivery <= PAGES_MAX);
});

async function pagesRead(client: pg.Client): Promise<number> {
  const { rows } = await client.query(`
    select sum(idx_blks_hit + idx_blks_read)::integer as read
    from pg_statio_user_indexes
    where relname in ('accounts', 'shards', 'events', 'deliveries', 'pending')
  `);
  return rows[0].read;
}
