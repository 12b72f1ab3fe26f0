import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Recovery, Webhook } from '../../../src/core/model.ts';
import type { NewRecovery, OnceRecord } from '../../../src/core/ports.ts';
import {
  attemptOf,
  BEGIN,
  eventOf,
  failedAttemptOf,
  openWorld,
  resultOf,
  settlementOf,
  type World,
} from './fixtures.ts';
import type { StoreUnderTest } from './store-under-test.ts';

export function recoveriesContract(under: StoreUnderTest): void {
  describe('a recovery', () => {
    test('it is read back as it was created, by its own account', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, theirs } = world;
      const recovery = recoveryOf(world, await mine.webhook());
      assert.equal(resultOf(await store.createRecovery(recovery)), 'created');
      assert.deepEqual(await store.getRecovery(mine.id, recovery.id), recovery);
      assert.equal(await store.getRecovery(theirs.id, recovery.id), null);
      const { accountId, webhookId, id } = recovery;
      const running = [{ id, webhook: { accountId, webhookId } }];
      assert.deepEqual(await store.runningRecoveries(), running);
    });

    test('a webhook that is missing, foreign, deleted or disabled has none; a paused one has', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, theirs, tick } = world;
      const create = async (webhook: Webhook) =>
        resultOf(await store.createRecovery(recoveryOf(world, webhook)));
      assert.equal(await create(await theirs.webhook()), 'webhook_missing');
      assert.equal(await create(await mine.webhook({ status: 'disabled' })), 'webhook_disabled');
      const deleted = await mine.webhook();
      await store.deleteWebhook(mine.id, deleted.id, tick());
      assert.equal(await create(deleted), 'webhook_missing');
      assert.equal(await create(await mine.webhook({ status: 'paused' })), 'created');
    });

    test('a webhook has one at a time, and another when that has ended', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine } = world;
      const [webhook, other] = [await mine.webhook(), await mine.webhook()];
      const create = async (of: Webhook) => {
        const recovery = recoveryOf(world, of);
        return { recovery, said: resultOf(await store.createRecovery(recovery)) };
      };
      const { recovery } = await create(webhook);
      assert.equal((await create(webhook)).said, 'already_running');
      assert.equal((await create(other)).said, 'created');
      await step(world, recovery, 10);
      assert.equal((await create(webhook)).said, 'created');
    });

    test('the same idempotency key creates one', async (t) => {
      const world = await openWorld(t, under);
      const webhook = await world.mine.webhook();
      const once: OnceRecord = {
        key: 'key-1',
        fingerprint: 'digest',
        status: 202,
        body: '{}',
        sealed: false,
        createdAt: BEGIN,
        expiresAt: BEGIN + 1_000,
      };
      const create = () => world.store.createRecovery({ ...recoveryOf(world, webhook), once });
      assert.deepEqual(await create(), { result: 'created' });
      assert.ok('earlier' in (await create()));
    });

    test('it brings back what has neither a pending nor a delivered delivery', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, newId, handedOver } = world;
      const before = await mine.publish({ body: '{"x":"🪝"}' });
      const webhook = await mine.webhook();
      const [pending, delivered, failed, cancelled] = [
        await mine.pending(webhook),
        await mine.pending(webhook),
        await mine.pending(webhook),
        await mine.pending(webhook),
      ];
      await store.settle([
        settlementOf(delivered, attemptOf(newId('attempt'))),
        settlementOf(failed, failedAttemptOf(newId('attempt')), { status: 'failed' }),
      ]);
      const { accountId, id: deliveryId } = cancelled;
      await store.cancelDelivery({ accountId, deliveryId, reason: 'x' });
      assert.ok(pending);
      handedOver.length = 0;
      const recovery = await created(world, webhook);
      const now = world.tick();
      const said = await store.recoverStep({ ...recovery, limit: 10, now });
      assert.deepEqual(said, { made: 3, isDone: true });
      const made = handedOver.flat();
      const wanted = [before[0]?.id, failed.event.id, cancelled.event.id];
      assert.deepEqual(
        made.map(({ event }) => event.id),
        wanted,
      );
      assert.equal(made[0]?.event.body, '{"x":"🪝"}');
      for (const { trigger, attemptCount, dueAt, webhookId } of made) {
        assert.deepEqual([trigger, attemptCount, dueAt, webhookId], ['manual', 0, now, webhook.id]);
      }
      const { deliveries } = await mine.due(webhook);
      assert.deepEqual(deliveries, [pending, ...made]);
      assert.equal((await mine.delivery(made[0]?.id ?? '')).createdAt, now);
    });

    test('it goes by what the webhook subscribes to today', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, handedOver, tick } = world;
      const [, wanted] = await mine.publish({ type: 'user.created' }, { type: 'team.created' });
      const webhook = await mine.webhook({ events: ['user.*'] });
      await store.updateWebhook(mine.id, webhook.id, { events: ['team.*'] }, tick());
      await step(world, await created(world, webhook), 10);
      assert.deepEqual(
        handedOver.flat().map(({ event }) => event.id),
        [wanted?.id],
      );
    });

    test('a delivery to another webhook, the events of others and test events do not count', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, theirs, newId, tick, handedOver } = world;
      const other = await mine.webhook();
      const delivery = await mine.pending(other);
      await store.settle([settlementOf(delivery, attemptOf(newId('attempt')))]);
      await theirs.publish({});
      const event = eventOf(mine.id, newId('testEvent'), tick());
      const [deliveryId, attempt] = [newId('delivery'), attemptOf(newId('attempt'))];
      const test = { deliveryId, webhookId: other.id, status: 'failed', attempt } as const;
      await store.recordTest({ event, ...test });
      const webhook = await mine.webhook();
      handedOver.length = 0;
      await step(world, await created(world, webhook), 10);
      assert.deepEqual(
        handedOver.flat().map((one) => one.event.id),
        [delivery.event.id],
      );
    });

    const spans: [since: number, until: number, found: number][] = [
      [1_000, 2_000, 1],
      [1_000, 1_000, 0],
      [1_000, 1_001, 1],
      [1_001, 2_000, 0],
      [0, 2_001, 2],
    ];
    for (const [since, until, found] of spans) {
      test(`of events at 1000 and 2000, a span from ${since} to ${until} has ${found}`, async (t) => {
        const world = await openWorld(t, under);
        const { store, mine, tick } = world;
        const start = tick();
        // Ids say when they were made: the next two are made a second apart.
        await mine.publish({});
        await mine.publish({});
        const webhook = await mine.webhook();
        const span = { since: start + since, until: start + until };
        const recovery = await created(world, webhook, span);
        const said = await store.recoverStep({ ...recovery, limit: 10, now: tick() });
        assert.deepEqual(said, { made: found, isDone: true });
      });
    }

    test('each step looks at so many events, and the next goes on behind them', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, handedOver, tick } = world;
      const events = await mine.publish({}, {}, {}, {}, {});
      const webhook = await mine.webhook();
      const recovery = await created(world, webhook);
      assert.deepEqual(await step(world, recovery, 2), { made: 2, isDone: false });
      assert.equal((await store.getRecovery(mine.id, recovery.id))?.deliveryCount, 2);
      assert.deepEqual(await step(world, recovery, 2), { made: 2, isDone: false });
      const now = tick();
      const last = await store.recoverStep({ ...recovery, limit: 2, now });
      assert.deepEqual(last, { made: 1, isDone: true });
      assert.deepEqual(
        handedOver.flat().map(({ event }) => event.id),
        events.map(({ id }) => id),
      );
      const done = { ...recovery, status: 'done', deliveryCount: 5, endedAt: now };
      assert.deepEqual(await store.getRecovery(mine.id, recovery.id), done);
      assert.deepEqual(await store.runningRecoveries(), []);
      assert.deepEqual(await step(world, recovery, 2), { made: 0, isDone: true });
      assert.deepEqual(await store.getRecovery(mine.id, recovery.id), done);
    });

    for (const end of ['disabled', 'deleted'] as const) {
      test(`it is cancelled when its webhook is ${end}, and keeps what it has made`, async (t) => {
        const world = await openWorld(t, under);
        const { store, mine, tick } = world;
        await mine.publish({}, {}, {});
        const webhook = await mine.webhook();
        const recovery = await created(world, webhook);
        await step(world, recovery, 1);
        if (end === 'deleted') await store.deleteWebhook(mine.id, webhook.id, tick());
        else await store.updateWebhook(mine.id, webhook.id, { status: 'disabled' }, tick());
        const now = tick();
        const said = await store.recoverStep({ ...recovery, limit: 1, now });
        assert.deepEqual(said, { made: 0, isDone: true });
        const after = { ...recovery, status: 'cancelled', deliveryCount: 1, endedAt: now };
        assert.deepEqual(await store.getRecovery(mine.id, recovery.id), after);
        assert.deepEqual(await store.runningRecoveries(), []);
      });
    }

    test('under another account there is nothing to go on with', async (t) => {
      const world = await openWorld(t, under);
      await world.mine.publish({});
      const recovery = await created(world, await world.mine.webhook());
      const foreign = { ...recovery, accountId: world.theirs.id };
      assert.deepEqual(await step(world, foreign, 10), { made: 0, isDone: true });
      assert.deepEqual(await world.store.getRecovery(world.mine.id, recovery.id), recovery);
    });
  });
}

/** Of everything that a test has published. */
function recoveryOf({ newId, mine }: World, webhook: Webhook): Recovery {
  return {
    accountId: mine.id,
    id: newId('recovery'),
    webhookId: webhook.id,
    since: 0,
    until: BEGIN * 2,
    status: 'running',
    deliveryCount: 0,
    createdAt: BEGIN,
    endedAt: null,
  };
}

async function created(
  world: World,
  webhook: Webhook,
  fields: Partial<NewRecovery> = {},
): Promise<Recovery> {
  const recovery = { ...recoveryOf(world, webhook), ...fields };
  assert.equal(resultOf(await world.store.createRecovery(recovery)), 'created');
  return recovery;
}

function step({ store, tick }: World, { accountId, id }: Recovery, limit: number) {
  return store.recoverStep({ accountId, id, limit, now: tick() });
}
