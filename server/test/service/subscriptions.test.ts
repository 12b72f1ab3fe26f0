import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIds, DEFAULT_ACCOUNT_ID } from '../../src/core/ids.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createRandom } from '../../src/platform/random.ts';
import { SubscriptionCache } from '../../src/service/subscriptions.ts';
import { createLocalStore } from '../../src/store/sqlite/local-store.ts';
import { webhookOf } from '../store/contract/fixtures.ts';

const PUBLISHERS = 20;

test('publishers who ask at once share one reading, also after a change that all of them hear of', async (t) => {
  const newId = createIds({ clock: systemClock, random: createRandom() });
  const store = createLocalStore(':memory:', { newId, handOver: () => {} });
  t.after(() => store.close());
  const reads = t.mock.method(store, 'subscriptions').mock;
  const cache = new SubscriptionCache(store);
  const askAll = () =>
    Promise.all(Array.from({ length: PUBLISHERS }, () => cache.matcher(DEFAULT_ACCOUNT_ID)));

  const [before, ...others] = await askAll();
  assert.ok(before !== undefined && others.every((matcher) => matcher === before));
  assert.equal(reads.callCount(), 1);

  const webhook = webhookOf(DEFAULT_ACCOUNT_ID, newId('webhook'), systemClock.now());
  await store.createWebhook(webhook, { perAccountMax: 1 });
  const after = await Promise.all(
    Array.from({ length: PUBLISHERS }, () => {
      cache.forget(DEFAULT_ACCOUNT_ID, before);
      return cache.matcher(DEFAULT_ACCOUNT_ID);
    }),
  );
  assert.equal(reads.callCount(), 2);
  assert.ok(after.every((matcher) => matcher === after[0]));
  assert.equal(after[0]?.webhooksVersion, before.webhooksVersion + 1);

  cache.forget(DEFAULT_ACCOUNT_ID, before);
  assert.equal(await cache.matcher(DEFAULT_ACCOUNT_ID), after[0], 'what was read since stays');
});

test('a reading that failed is made again', async (t) => {
  const newId = createIds({ clock: systemClock, random: createRandom() });
  const store = createLocalStore(':memory:', { newId, handOver: () => {} });
  t.after(() => store.close());
  const cache = new SubscriptionCache(store);
  t.mock
    .method(store, 'subscriptions')
    .mock.mockImplementationOnce(() => Promise.reject(new Error('a disk')));
  const both = await Promise.allSettled([1, 2].map(() => cache.matcher(DEFAULT_ACCOUNT_ID)));
  assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal((await cache.matcher(DEFAULT_ACCOUNT_ID)).webhooksVersion, 0);
});
