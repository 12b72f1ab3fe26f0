import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Attempt } from '../../../src/core/model.ts';
import type { DueDelivery } from '../../../src/core/ports.ts';
import {
  attemptOf,
  BEGIN,
  failedAttemptOf,
  openWorld,
  settlementOf,
  type World,
} from './fixtures.ts';
import type { StoreUnderTest } from './store-under-test.ts';

export function settleContract(under: StoreUnderTest): void {
  describe('settle', () => {
    test('a delivery that was delivered has ended, with its attempt', async (t) => {
      const world = await openWorld(t, under);
      const delivery = await pendingDelivery(world);
      const attempt = attemptOf(world.newId('attempt'), { responseBody: 'Grüße 🪝' });
      assert.deepEqual(await world.store.settle([settlementOf(delivery, attempt)]), ['settled']);
      const { status, dueAt, attemptCount, lastAttempt } = await world.mine.delivery(delivery.id);
      assert.deepEqual(
        { status, dueAt, attemptCount },
        {
          status: 'delivered',
          dueAt: null,
          attemptCount: 1,
        },
      );
      assert.deepEqual(lastAttempt, attempt);
      assert.deepEqual(await attemptsOf(world, delivery), [attempt]);
    });

    test('an attempt without a response is kept as one', async (t) => {
      const world = await openWorld(t, under);
      const delivery = await pendingDelivery(world);
      const attempt = attemptOf(world.newId('attempt'), {
        responseCode: null,
        responseTimeMs: null,
        responseBody: null,
        failure: 'dns_failed',
      });
      const dueAt = BEGIN + 60_000;
      const settlement = settlementOf(delivery, attempt, { status: 'pending', dueAt });
      await world.store.settle([settlement]);
      assert.deepEqual(await attemptsOf(world, delivery), [attempt]);
      const after = await world.mine.delivery(delivery.id);
      assert.deepEqual([after.status, after.dueAt], ['pending', dueAt]);
    });

    test('every character of a response and of a description is kept, U+0000 too', async (t) => {
      const world = await openWorld(t, under);
      const text = 'a\0b\u001a0\u001a\u001a"\\{,}NULL\r\n🪝';
      const { accountId, id } = await world.mine.webhook({ description: text });
      assert.equal((await world.store.getWebhook(accountId, id))?.description, text);
      const delivery = await pendingDelivery(world);
      const attempt = attemptOf(world.newId('attempt'), { responseBody: text });
      await world.store.settle([settlementOf(delivery, attempt)]);
      assert.deepEqual(await attemptsOf(world, delivery), [attempt]);
    });

    test('the newest attempt stands with the delivery, and all of them in their order', async (t) => {
      const world = await openWorld(t, under);
      const delivery = await pendingDelivery(world);
      const attempts: Attempt[] = [];
      for (const number of [1, 2, 3]) {
        const startedAt = BEGIN + number;
        attempts.push(failedAttemptOf(world.newId('attempt'), { number, startedAt }));
        await retry(world, delivery, attempts);
        assert.deepEqual(await attemptsOf(world, delivery), attempts);
        const { attemptCount, lastAttempt } = await world.mine.delivery(delivery.id);
        assert.deepEqual([attemptCount, lastAttempt], [number, attempts.at(-1)]);
      }
    });

    test('what was remarked on an attempt is kept with it', async (t) => {
      const world = await openWorld(t, under);
      const delivery = await pendingDelivery(world);
      const attempts = (['resent', 'body_cut'] as const).map((note, index) =>
        failedAttemptOf(world.newId('attempt'), { number: index + 1, note }),
      );
      await retry(world, delivery, attempts.slice(0, 1));
      await retry(world, delivery, attempts);
      assert.deepEqual(await attemptsOf(world, delivery), attempts);
    });

    for (const number of [1, 2]) {
      test(`attempt ${number} with a first try is two of the same number, the second decides`, async (t) => {
        const world = await openWorld(t, under);
        const delivery = await pendingDelivery(world);
        const earlier = number === 1 ? [] : [failedAttemptOf(world.newId('attempt'))];
        if (number === 2) await retry(world, delivery, earlier);
        const firstTry = failedAttemptOf(world.newId('attempt'), { number });
        const fields = { number, note: 'second_secret' } as const;
        const attempt = attemptOf(world.newId('attempt'), fields);
        const settlement = settlementOf(delivery, attempt, { firstTry });
        assert.deepEqual(await world.store.settle([settlement]), ['settled']);
        const after = await world.store.getDelivery(world.mine.id, delivery.id);
        assert.deepEqual(after?.attempts, [...earlier, firstTry, attempt]);
        assert.deepEqual(
          [after?.delivery.status, after?.delivery.attemptCount, after?.delivery.lastAttempt],
          ['delivered', number, attempt],
        );
        assert.deepEqual(await world.store.settle([settlement]), ['ended']);
        assert.deepEqual(await world.store.getDelivery(world.mine.id, delivery.id), after);
      });
    }

    test('a first try under another account is not kept', async (t) => {
      const world = await openWorld(t, under);
      const delivery = await pendingDelivery(world);
      const [firstTry, attempt] = [
        failedAttemptOf(world.newId('attempt')),
        attemptOf(world.newId('attempt')),
      ];
      const foreign = { firstTry, accountId: world.theirs.id };
      assert.deepEqual(await world.store.settle([settlementOf(delivery, attempt, foreign)]), [
        'ended',
      ]);
      assert.deepEqual(await attemptsOf(world, delivery), []);
    });

    test('many settlements are answered in their order', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, newId } = world;
      const webhook = await mine.webhook();
      const [first, second, third] = [
        await mine.pending(webhook),
        await mine.pending(webhook),
        await mine.pending(webhook),
      ];
      await store.settle([settlementOf(second, attemptOf(newId('attempt')))]);
      const settlements = [first, second, third].map((delivery) =>
        settlementOf(delivery, failedAttemptOf(newId('attempt')), { status: 'failed' }),
      );
      assert.deepEqual(await store.settle(settlements), ['settled', 'ended', 'settled']);
      const statuses = await Promise.all(
        [first, second, third].map(async ({ id }) => (await mine.delivery(id)).status),
      );
      assert.deepEqual(statuses, ['failed', 'delivered', 'failed']);
    });

    test('what comes of a cancelled delivery is kept as an attempt and changes no status', async (t) => {
      const world = await openWorld(t, under);
      const delivery = await pendingDelivery(world);
      const first = failedAttemptOf(world.newId('attempt'));
      await retry(world, delivery, [first]);
      const { accountId, webhookId } = delivery;
      await world.store.disableWebhook({ accountId, webhookId }, 'owner', BEGIN);
      assert.equal(await world.store.cancelPending({ accountId, webhookId }, 'because', 10), 1);
      const second = attemptOf(world.newId('attempt'), { number: 2 });
      assert.deepEqual(await world.store.settle([settlementOf(delivery, second)]), ['ended']);
      const after = await world.mine.delivery(delivery.id);
      assert.deepEqual(
        [after.status, after.cancelReason, after.dueAt, after.attemptCount],
        ['cancelled', 'because', null, 2],
      );
      assert.deepEqual(await attemptsOf(world, delivery), [first, second]);
    });

    test('a failed attempt of a cancelled delivery does not make it pending again', async (t) => {
      const world = await openWorld(t, under);
      const delivery = await pendingDelivery(world);
      const { accountId, webhookId } = delivery;
      await world.store.disableWebhook({ accountId, webhookId }, 'owner', BEGIN);
      await world.store.cancelPending({ accountId, webhookId }, 'because', 10);
      const attempt = failedAttemptOf(world.newId('attempt'));
      const again = settlementOf(delivery, attempt, { status: 'pending', dueAt: BEGIN });
      assert.deepEqual(await world.store.settle([again]), ['ended']);
      const after = await world.mine.delivery(delivery.id);
      assert.deepEqual([after.status, after.dueAt], ['cancelled', null]);
    });

    test('settling twice is harmless', async (t) => {
      const world = await openWorld(t, under);
      const delivery = await pendingDelivery(world);
      const attempts = [1, 2].map((number) => failedAttemptOf(world.newId('attempt'), { number }));
      await retry(world, delivery, attempts.slice(0, 1));
      await retry(world, delivery, attempts);
      const before = await world.store.getDelivery(world.mine.id, delivery.id);
      await retry(world, delivery, attempts);
      assert.deepEqual(await world.store.getDelivery(world.mine.id, delivery.id), before);
      const end = settlementOf(delivery, attemptOf(world.newId('attempt'), { number: 3 }));
      assert.deepEqual(await world.store.settle([end]), ['settled']);
      const ended = await world.store.getDelivery(world.mine.id, delivery.id);
      assert.deepEqual(await world.store.settle([end, end]), ['ended', 'ended']);
      assert.deepEqual(await world.store.getDelivery(world.mine.id, delivery.id), ended);
    });

    test('under another account nothing can be settled', async (t) => {
      const world = await openWorld(t, under);
      const delivery = await pendingDelivery(world);
      const before = await world.store.getDelivery(world.mine.id, delivery.id);
      const attempt = attemptOf(world.newId('attempt'), { number: 2 });
      const foreign = settlementOf(delivery, attempt, { accountId: world.theirs.id });
      assert.deepEqual(await world.store.settle([foreign]), ['ended']);
      assert.deepEqual(await world.store.getDelivery(world.mine.id, delivery.id), before);
      assert.equal(await world.store.getDelivery(world.theirs.id, delivery.id), null);
    });
  });
}

async function pendingDelivery({ mine }: World): Promise<DueDelivery> {
  return await mine.pending(await mine.webhook());
}

/** Settles the last of these attempts as failed, to be tried again. */
async function retry(
  { store }: World,
  delivery: DueDelivery,
  attempts: readonly Attempt[],
): Promise<void> {
  const attempt = attempts.at(-1);
  assert.ok(attempt);
  const dueAt = BEGIN + attempt.number * 60_000;
  const said = await store.settle([settlementOf(delivery, attempt, { status: 'pending', dueAt })]);
  assert.deepEqual(said, ['settled']);
}

async function attemptsOf({ store, mine }: World, { id }: DueDelivery): Promise<Attempt[]> {
  return (await store.getDelivery(mine.id, id))?.attempts ?? [];
}
