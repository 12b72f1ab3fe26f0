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
/** Of indexes, for each delivery: pages that were read, and rows that they lead to. */
const PAGES_MAX = 30;
const ROWS_MAX = 50;

for (const isAnalysed of [false, true]) {
  const known = isAnalysed ? 'knew to be small' : 'knew nothing of';
  test(`a statement that is kept finds its rows in tables that the server ${known}`, async (t) => {
    const { work, client } = await openMeasuredWork(t, { webhooks: 1, failingOneIn: 5 });
    const [webhook = assert.fail('there is a webhook')] = work.webhooks;
    const publishAndSettle = async (rounds: number, events: number) => {
      for (let round = 0; round < rounds; round++) {
        await work.publish(webhook, events);
        await work.settle(await work.due(webhook));
      }
    };
    await publishAndSettle(ROUNDS_BEFORE, 1);
    // As the server does by itself once a minute.
    if (isAnalysed) await client.query('vacuum analyze');
    await publishAndSettle(1, 1);
    await publishAndSettle(ROUNDS, EVENTS_OF_A_ROUND);
    await work.close();
    const deliveries = ROUNDS * EVENTS_OF_A_ROUND;
    // A connection counts for all to see when it has ended.
    await until('all is counted', async () => (await readOf(client)).pages >= deliveries);
    const { pages, rows } = await readOf(client);
    t.diagnostic(`for each delivery ${pages / deliveries} pages, ${rows / deliveries} rows`);
    assert.ok(pages / deliveries <= PAGES_MAX);
    assert.ok(rows / deliveries <= ROWS_MAX);
  });
}

async function readOf(client: pg.Client): Promise<{ pages: number; rows: number }> {
  const { rows } = await client.query(`
    select sum(idx_blks_hit + idx_blks_read)::integer as pages, sum(idx_tup_read)::integer as rows
    from pg_statio_user_indexes
    join pg_stat_user_indexes using (indexrelid, relname)
    where relname in ('accounts', 'shards', 'events', 'deliveries', 'pending')
  `);
  return rows[0];
}
