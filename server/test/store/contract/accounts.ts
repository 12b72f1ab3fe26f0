import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DEFAULT_ACCOUNT_ID } from '../../../src/core/ids.ts';
import { openWorld } from './fixtures.ts';
import type { StoreUnderTest } from './store-under-test.ts';

export function accountsContract(under: StoreUnderTest): void {
  describe('accounts', () => {
    test('an account is created once', async (t) => {
      const { store, newId, tick } = await openWorld(t, under);
      const account = { id: newId('account'), createdAt: tick() };
      assert.equal(await store.createAccount(account), 'created');
      assert.equal(await store.createAccount({ ...account, createdAt: tick() }), 'exists');
    });

    test('the default account is there from the start', async (t) => {
      const { store, tick } = await openWorld(t, under);
      const account = { id: DEFAULT_ACCOUNT_ID, createdAt: tick() };
      assert.equal(await store.createAccount(account), 'exists');
    });

    test('a new account has nothing', async (t) => {
      const { store, mine, theirs } = await openWorld(t, under);
      const webhook = await theirs.webhook();
      const { webhookId } = await theirs.pending(webhook);
      const page = { limit: 10 };
      const nothing = { items: [], hasMore: false, end: null };
      assert.deepEqual((await store.listWebhooks(mine.id, page)).items, []);
      assert.deepEqual(await store.listEvents(mine.id, {}, page), nothing);
      assert.deepEqual(await store.listDeliveries(mine.id, {}, page), nothing);
      assert.deepEqual(await store.listDeliveries(mine.id, { webhookId }, page), nothing);
      assert.deepEqual((await store.subscriptions(mine.id)).webhooks, []);
    });

    test('an account that does not exist has nothing, and nothing can be published for it', async (t) => {
      const { store, mine, newId } = await openWorld(t, under);
      const unknown = newId('account');
      assert.deepEqual(await store.subscriptions(unknown), { version: 0, webhooks: [] });
      const events = await mine.newEvents({});
      assert.deepEqual(await store.publish({ ...events, accountId: unknown }), { result: 'stale' });
    });

    test('a store that can be written says so', async (t) => {
      const { store } = await openWorld(t, under);
      assert.equal(await store.check(), undefined);
    });
  });
}
