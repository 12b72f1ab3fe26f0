// Statements that the server keeps (`statements.ts`) are planned now and then only: here for tables that the
// server knows to be small, before much is written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type pg from 'pg';
import { until } from '../support/until.ts';
import { openMeasuredWork } from './support/postgres-work.ts';

const ROUNDS_BEFORE = 20;
const ROUNDS = 300;
const EVENTS_OF_A_ROUND = 50;
/** Rows that indexes lead to, for each delivery. */
const ROWS_MAX = 50;

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
  // As the server does by itself once a minute: from then on it knows that the tables are small.
  await client.query('vacuum analyze');
  await publishAndSettle(1, 1);
  await publishAndSettle(ROUNDS, EVENTS_OF_A_ROUND);
  await work.close();
  const deliveries = ROUNDS * EVENTS_OF_A_ROUND;
  // A connection counts for all to see when it has ended.
  await until('all is counted', async () => (await rowsRead(client)) >= deliveries);
  const perDelivery = (await rowsRead(client)) / deliveries;
  t.diagnostic(`${perDelivery.toFixed(1)} rows for each delivery`);
  assert.ok(perDelivery <= ROWS_MAX);
});

async function rowsRead(client: pg.Client): Promise<number> {
  const { rows } = await client.query(`
    select sum(idx_tup_read)::integer as read
    from pg_stat_user_indexes
    where relname in ('accounts', 'shards', 'events', 'deliveries', 'pending')
  `);
  return rows[0].read;
}
