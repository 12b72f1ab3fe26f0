import type { TestContext } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import pg from 'pg';
import { createIds, DEFAULT_ACCOUNT_ID, type NewId } from '../../../src/core/ids.ts';
import { DEFAULT_WEBHOOK_SETTINGS, type Webhook } from '../../../src/core/model.ts';
import type { DueDelivery, Settlement, Store } from '../../../src/core/ports.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { createRandom } from '../../../src/platform/random.ts';
import { migratedDatabase } from '../../support/postgres.ts';
import { cleanUp } from '../../system/support/clean-up.ts';
import {
  attemptOf,
  eventOf,
  failedAttemptOf,
  settlementOf,
  webhookOf,
} from '../contract/fixtures.ts';
import { openPostgres } from './stores.ts';

/** Events that one publish has, and deliveries that one read of what is due answers at most. */
const EVENTS_OF_A_PUBLISH = 50;
const PAGE = { limit: 200, bytesMax: 8_000_000, except: [] };

export interface WorkOptions {
  webhooks: number;
  /** Of so many deliveries one fails the first time; 0: none does. */
  failingOneIn?: number;
}

/** Webhooks of one node, every second one in strict order, and the store's calls as the engine makes them. */
export interface Work {
  store: Store;
  webhooks: Webhook[];
  newId: NewId;
  /** Deliveries that have ended. */
  ended: number;
  /** Publishes to each webhook and delivers all of it. */
  round(): Promise<void>;
  publish(webhook: Webhook, count: number): Promise<void>;
  /** What is due of it, as its lane asks. */
  due(webhook: Webhook): Promise<DueDelivery[]>;
  settle(deliveries: readonly DueDelivery[]): Promise<void>;
  close(): Promise<void>;
}

/** In a database of its own, with a connection to measure it by. */
export async function openMeasuredWork(
  t: TestContext,
  options: WorkOptions,
): Promise<{ url: string; work: Work; client: pg.Client }> {
  const { url, drop } = await migratedDatabase();
  cleanUp(t, drop);
  const client = new pg.Client(url);
  await client.connect();
  cleanUp(t, () => client.end());
  const work = await openWork(url, options);
  cleanUp(t, work.close);
  return { url, work, client };
}

async function openWork(url: string, options: WorkOptions): Promise<Work> {
  const newId = createIds({ clock: systemClock, random: createRandom() });
  const store = await openPostgres(url, () => {});
  const webhooks = Array.from({ length: options.webhooks }, (_, index): Webhook => {
    const made = webhookOf(DEFAULT_ACCOUNT_ID, newId('webhook'), systemClock.now());
    const ordering = index % 2 === 0 ? 'none' : 'strict';
    return { ...made, settings: { ...DEFAULT_WEBHOOK_SETTINGS, ordering } };
  });
  for (const webhook of webhooks) {
    await store.createWebhook(webhook, { perAccountMax: options.webhooks });
  }
  const { version } = await store.subscriptions(DEFAULT_ACCOUNT_ID);
  const failingOneIn = options.failingOneIn ?? 0;
  let tried = 0;
  let closing: Promise<void> | null = null;

  const work: Work = {
    store,
    webhooks,
    newId,
    ended: 0,
    async round() {
      await Promise.all(webhooks.map((webhook) => work.publish(webhook, EVENTS_OF_A_PUBLISH)));
      await Promise.all(
        webhooks.map(async (webhook) => {
          for (;;) {
            const deliveries = await work.due(webhook);
            if (deliveries.length === 0) break;
            await work.settle(deliveries);
          }
        }),
      );
    },
    async publish({ accountId, id: webhookId }, count) {
      const events = Array.from({ length: count }, () => ({
        ...eventOf(accountId, newId('event'), systemClock.now()),
        deliveries: [{ id: newId('delivery'), webhookId }],
      }));
      await store.publish({ accountId, events, webhooksVersion: version });
    },
    async due({ accountId, id: webhookId, settings: { ordering } }) {
      const lane = { accountId, webhookId, ordering, dueBefore: systemClock.now() };
      return (await store.due({ ...lane, ...PAGE })).deliveries;
    },
    async settle(deliveries) {
      const settlements = deliveries.map((delivery) => {
        const settlement = settlementOfTry(delivery, newId);
        if (settlement.status !== 'pending') work.ended += 1;
        return settlement;
      });
      await store.settle(settlements);
    },
    close: () => (closing ??= store.close()),
  };
  return work;

  function settlementOfTry(delivery: DueDelivery, newId: NewId): Settlement {
    const number = delivery.attemptCount + 1;
    const startedAt = systemClock.now();
    if (number === 1) tried += 1;
    const fails = number === 1 && failingOneIn > 0 && tried % failingOneIn === 0;
    const attempt = (fails ? failedAttemptOf : attemptOf)(newId('attempt'), { number, startedAt });
    const again = { status: 'pending', dueAt: startedAt } as const;
    return settlementOf(delivery, attempt, fails ? again : {});
  }
}

export interface PacedOptions {
  perSecond: number;
  seconds: number;
  /** Told each second. */
  everySecond?: (second: number) => Promise<void>;
}

const TICKS_PER_SECOND = 10;

/** So many deliveries a second, published and delivered, each webhook in its turn. */
export async function pacedWork(work: Work, options: PacedOptions): Promise<void> {
  const { perSecond, seconds, everySecond } = options;
  const startedAt = performance.now();
  for (let tick = 0; tick < seconds * TICKS_PER_SECOND; tick++) {
    const waitMs = startedAt + (tick * 1_000) / TICKS_PER_SECOND - performance.now();
    await after(Math.max(0, waitMs));
    if (tick % TICKS_PER_SECOND === 0) await everySecond?.(tick / TICKS_PER_SECOND);
    const webhook = work.webhooks[tick % work.webhooks.length];
    if (webhook === undefined) throw new Error('there is a webhook');
    await work.publish(webhook, perSecond / TICKS_PER_SECOND);
    await work.settle(await work.due(webhook));
  }
}

export interface Sizes {
  /** Rows of `pending` that nobody sees any more. */
  dead: number;
  vacuums: number;
  pendingBytes: number;
  pendingIndexBytes: number;
  /** Per delivery that there is. */
  historyBytes: number;
}

export async function sizesOf(client: pg.Client): Promise<Sizes> {
  const { rows } = await client.query(`
    select n_dead_tup::integer as dead, autovacuum_count::integer as vacuums,
      pg_relation_size('pending')::float as "pendingBytes",
      pg_indexes_size('pending')::float as "pendingIndexBytes",
      (pg_total_relation_size('deliveries') + pg_total_relation_size('events')
        + pg_total_relation_size('attempts'))::float as "historyBytes"
    from pg_stat_user_tables
    where relname = 'pending'
  `);
  return rows[0];
}
