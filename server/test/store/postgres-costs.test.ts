import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { createIds, DEFAULT_ACCOUNT_ID } from '../../src/core/ids.ts';
import type { DueDelivery } from '../../src/core/ports.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createRandom } from '../../src/platform/random.ts';
import { migratedDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { attemptOf, eventOf, settlementOf, webhookOf } from './contract/fixtures.ts';
import { openPostgres } from './support/stores.ts';

const EVENTS = 2_000;
const EVENTS_OF_A_PUBLISH = 100;
/** Pages that were nearly full when another batch came to them, and the like. */
const HOT_SHARE_MIN = 0.95;

test('Settling deliveries touches no index of theirs, and nothing reads history from end to end', async (t) => {
  const { url, drop } = await migratedDatabase();
  t.after(drop);
  const before = await statistics(url);
  await acceptAndSettle(url);
  // A connection counts for all to see when it has ended.
  await until('all is counted', async () => (await statistics(url)).updated >= EVENTS);
  const { updated, hot, scanned } = await statistics(url);
  t.diagnostic(`${updated} deliveries were settled, ${hot} of them on their page`);
  assert.ok(hot >= HOT_SHARE_MIN * updated, `${hot} of ${updated}`);
  assert.equal(scanned, before.scanned);
});

async function acceptAndSettle(url: string): Promise<void> {
  const newId = createIds({ clock: systemClock, random: createRandom() });
  const pending: DueDelivery[] = [];
  const store = await openPostgres(url, (deliveries) => pending.push(...deliveries));
  const accountId = DEFAULT_ACCOUNT_ID;
  const now = systemClock.now();
  const webhook = webhookOf(accountId, newId('webhook'), now);
  await store.createWebhook(webhook, { perAccountMax: 1 });
  const { version } = await store.subscriptions(accountId);
  for (let from = 0; from < EVENTS; from += EVENTS_OF_A_PUBLISH) {
    const events = Array.from({ length: EVENTS_OF_A_PUBLISH }, () => ({
      ...eventOf(accountId, newId('event'), now),
      deliveries: [{ id: newId('delivery'), webhookId: webhook.id }],
    }));
    await store.publish({ accountId, events, webhooksVersion: version });
  }
  while (pending.length > 0) {
    const some = pending.splice(0, 300);
    await store.settle(some.map((one) => settlementOf(one, attemptOf(newId('attempt')))));
  }
  const ref = { accountId, webhookId: webhook.id };
  await store.listDeliveries(accountId, { status: 'failed' }, { limit: 10 });
  await store.listEvents(accountId, {}, { limit: 10 });
  await store.deliveryStats(ref, 0);
  await store.sendTimes({ ...ref, since: 0, limit: 10 });
  await store.webhooksWithPending({ after: null, limit: 10, counts: true });
  await store.due({
    ...{ ...ref, dueBefore: now, limit: 10, bytesMax: 1_000, except: [] },
    ordering: 'none',
  });
  await store.close();
}

/** Of what is kept for each event. */
async function statistics(url: string) {
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client.query(`
    select
      sum(n_tup_upd) filter (where relname = 'deliveries')::integer as updated,
      sum(n_tup_hot_upd) filter (where relname = 'deliveries')::integer as hot,
      sum(seq_scan)::integer as scanned
    from pg_stat_user_tables
    where relname in ('events', 'deliveries', 'pending', 'attempts')
  `);
  await client.end();
  const [{ updated, hot, scanned }] = rows;
  return { updated: Number(updated), hot: Number(hot), scanned: Number(scanned) };
}
