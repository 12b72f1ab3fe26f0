import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  DEFAULT_WEBHOOK_SETTINGS,
  type RateLimit,
  type Webhook,
  type WebhookSettings,
} from '../../../src/core/model.ts';
import type { DueDelivery, Settlement } from '../../../src/core/ports.ts';
import {
  attemptOf,
  BEGIN,
  eventOf,
  failedAttemptOf,
  NO_LIMIT,
  openWorld,
  settlementOf,
  type World,
} from './fixtures.ts';
import { freshOf } from './pending-deliveries.ts';
import type { StoreUnderTest } from './store-under-test.ts';

const LIMITED: WebhookSettings = {
  ...DEFAULT_WEBHOOK_SETTINGS,
  rateLimit: { max: 100, perMs: 60_000 },
};
/** Long after all webhooks were made. */
const SPAN_BEGIN = BEGIN + 3_600_000;
const BEHIND_MS = 5 * 60_000;

export function sendTimesContract(under: StoreUnderTest): void {
  describe('when attempts began', () => {
    test('every attempt counts once: the newest of a delivery, those before, and a first try', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, newId } = world;
      const webhook = await mine.webhook();
      const [ended, retried, fresh] = await freshOf(world, webhook, 3);
      assert.ok(ended && retried && fresh);
      const at = (startedAt: number, number = 1) =>
        failedAttemptOf(newId('attempt'), { startedAt, number });
      const [firstTry, second] = [at(10), at(11)];
      await store.settle([settlementOf(ended, second, { firstTry })]);
      await store.settle([settlementOf(retried, at(12), { status: 'pending', dueAt: BEGIN })]);
      await store.settle([settlementOf(retried, at(13, 2), { status: 'pending', dueAt: BEGIN })]);
      const ref = { accountId: mine.id, webhookId: webhook.id };
      const times = (since: number, limit = NO_LIMIT) => store.sendTimes({ ...ref, since, limit });
      assert.deepEqual(await times(0), [10, 11, 12, 13]);
      assert.deepEqual(await times(11), [11, 12, 13], 'a span has its beginning');
      assert.deepEqual(await times(0, 2), [12, 13], 'the newest, oldest first');
      assert.deepEqual(await times(14), []);
    });

    test('a delivery before and one behind the first that was never tried both count', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, newId } = world;
      const webhook = await mine.webhook();
      const [before, , behind] = await freshOf(world, webhook, 3);
      assert.ok(before && behind);
      await store.settle([
        settlementOf(behind, attemptOf(newId('attempt'), { startedAt: 11 })),
        settlementOf(before, attemptOf(newId('attempt'), { startedAt: 10 })),
      ]);
      const ref = { accountId: mine.id, webhookId: webhook.id };
      assert.deepEqual(await store.sendTimes({ ...ref, since: 0, limit: 10 }), [10, 11]);
    });

    test('test calls, other webhooks and other accounts do not count', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, theirs, newId, tick } = world;
      const [webhook, other] = [await mine.webhook(), await mine.webhook()];
      const twin = await theirs.webhook({ id: webhook.id });
      for (const delivery of [await mine.pending(other), await theirs.pending(twin)]) {
        await store.settle([settlementOf(delivery, attemptOf(newId('attempt')))]);
      }
      const event = eventOf(mine.id, newId('testEvent'), tick());
      const [deliveryId, attempt] = [newId('delivery'), attemptOf(newId('attempt'))];
      const webhookId = webhook.id;
      await store.recordTest({ event, deliveryId, webhookId, status: 'delivered', attempt });
      const ref = { accountId: mine.id, webhookId };
      assert.deepEqual(await store.sendTimes({ ...ref, since: 0, limit: 10 }), []);
    });
  });

  for (const [name, settings] of [
    ['has had a rate limit for longer than the span', LIMITED],
    ['had none so far', DEFAULT_WEBHOOK_SETTINGS],
  ] as const) {
    describe(`when attempts began of a webhook that ${name}`, () => {
      test('whatever came of them, oldest first', async (t) => {
        const world = await openWorld(t, under);
        const webhook = await world.mine.webhook({ settings });
        const [first, second, third] = await freshOf(world, webhook, 4);
        assert.ok(first && second && third);
        const again = { status: 'pending', dueAt: BEGIN } as const;
        await sent(world, second, 1, 30);
        await sent(world, first, 1, 10, again);
        await sent(world, first, 2, 20, again);
        await sent(world, first, 3, 40, { status: 'failed' });
        await sent(world, third, 1, 50, again);
        assert.deepEqual(await sendTimes(world, webhook, 0), [10, 20, 30, 40, 50]);
      });

      test('a first try and the second one with the other secret', async (t) => {
        const world = await openWorld(t, under);
        const webhook = await world.mine.webhook({ settings });
        const delivery = await world.mine.pending(webhook);
        const firstTry = failedAttemptOf(world.newId('attempt'), { startedAt: SPAN_BEGIN + 10 });
        await sent(world, delivery, 1, 20, { firstTry });
        assert.deepEqual(await sendTimes(world, webhook, 0), [10, 20]);
      });

      test('one of a delivery that was cancelled meanwhile', async (t) => {
        const world = await openWorld(t, under);
        const webhook = await world.mine.webhook({ settings });
        const delivery = await world.mine.pending(webhook);
        const { accountId, id: deliveryId } = delivery;
        await world.store.cancelDelivery({ accountId, deliveryId, reason: 'owner' });
        await sent(world, delivery, 1, 10);
        assert.deepEqual(await sendTimes(world, webhook, 0), [10]);
      });

      test('of a span that has its beginning, the newest', async (t) => {
        const world = await openWorld(t, under);
        const webhook = await world.mine.webhook({ settings });
        const again = { status: 'pending', dueAt: BEGIN } as const;
        const retried = await world.mine.pending(webhook);
        await sent(world, retried, 1, 10, again);
        await sent(world, retried, 2, 40, again);
        for (const at of [20, 30, 50]) await sent(world, await world.mine.pending(webhook), 1, at);
        const spans: [after: number, limit: number, wanted: number[]][] = [
          [10, 10, [10, 20, 30, 40, 50]],
          [11, 10, [20, 30, 40, 50]],
          [40, 10, [40, 50]],
          [51, 10, []],
          [0, 5, [10, 20, 30, 40, 50]],
          [0, 4, [20, 30, 40, 50]],
          [0, 2, [40, 50]],
          [0, 1, [50]],
        ];
        for (const [after, limit, wanted] of spans) {
          const found = await sendTimes(world, webhook, after, limit);
          assert.deepEqual(found, wanted, `${after} after the beginning, at most ${limit}`);
        }
      });

      test('no test call, and nothing of another webhook or another account', async (t) => {
        const world = await openWorld(t, under);
        const { store, mine, theirs, newId, tick } = world;
        const webhook = await mine.webhook({ settings, events: ['mine'] });
        const other = await mine.webhook({ settings, events: ['other'] });
        const twin = await theirs.webhook({ id: webhook.id, settings });
        await sent(world, await mine.pending(other, { type: 'other' }), 1, 10);
        await sent(world, await theirs.pending(twin), 1, 20);
        const event = eventOf(mine.id, newId('testEvent'), tick());
        const attempt = attemptOf(newId('attempt'), { startedAt: SPAN_BEGIN + 30 });
        const [deliveryId, webhookId] = [newId('delivery'), webhook.id];
        await store.recordTest({ event, deliveryId, webhookId, status: 'delivered', attempt });
        assert.deepEqual(await sendTimes(world, webhook, 0), []);
      });
    });
  }

  describe('when attempts began of a webhook whose rate limit changes', () => {
    const { rateLimit } = LIMITED;
    const changes: [name: string, limits: (RateLimit | null)[]][] = [
      ['is set', [rateLimit]],
      ['is set, taken away and set again', [rateLimit, null, rateLimit]],
      ['is taken away', [rateLimit, null]],
    ];
    for (const [name, limits] of changes) {
      test(`nothing is missed when the limit ${name} within the span`, async (t) => {
        const world = await openWorld(t, under);
        const { store, mine } = world;
        const webhook = await mine.webhook();
        const retried = await mine.pending(webhook);
        let at = 0;
        const later = () => {
          at += 10;
          return at;
        };
        await sent(world, retried, 1, later(), { status: 'pending', dueAt: BEGIN });
        for (const rateLimit of limits) {
          await sent(world, await mine.pending(webhook), 1, later());
          // At another node, whose clock is behind.
          const updatedAt = SPAN_BEGIN + later() - BEHIND_MS;
          await store.updateWebhook(mine.id, webhook.id, { settings: { rateLimit } }, updatedAt);
          await sent(world, await mine.pending(webhook), 1, later());
        }
        await sent(world, retried, 2, later());
        const times = [10, ...limits.flatMap((_, index) => [20 + index * 30, 40 + index * 30]), at];
        assert.deepEqual(await sendTimes(world, webhook, 0), times);
      });
    }
  });
}

/** Settles an attempt that began so long after the span did. */
async function sent(
  { store, newId }: World,
  delivery: DueDelivery,
  number: number,
  afterMs: number,
  fields: Partial<Settlement> = {},
): Promise<void> {
  const attempt = attemptOf(newId('attempt'), { number, startedAt: SPAN_BEGIN + afterMs });
  await store.settle([settlementOf(delivery, attempt, fields)]);
}

/** Of a span that begins so long after the others do. */
async function sendTimes(
  { store }: World,
  { accountId, id: webhookId }: Webhook,
  afterMs: number,
  limit = NO_LIMIT,
): Promise<number[]> {
  const since = SPAN_BEGIN + afterMs;
  const times = await store.sendTimes({ accountId, webhookId, since, limit });
  return times.map((at) => at - SPAN_BEGIN);
}
