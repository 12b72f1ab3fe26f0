import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  DEFAULT_WEBHOOK_SETTINGS,
  type WebhookSettings,
  type WebhookStatus,
} from '../../../src/core/model.ts';
import { idsOf, openWorld, webhookOf } from './fixtures.ts';
import type { StoreUnderTest } from './store-under-test.ts';

const OWN_SETTINGS: WebhookSettings = {
  ordering: 'strict',
  rateLimit: { max: 5, perMs: 1_000 },
  concurrencyMax: 3,
  retrySchedule: [0, 1_000, 60_000],
  onGone: 'disable',
};

/** Of a webhook whose owner set nothing, and to which nothing was sent. */
const PLAIN = {
  changedAt: null,
  rotation: null,
  heldUntil: null,
  settings: DEFAULT_WEBHOOK_SETTINGS,
  memory: null,
};

export function webhooksContract(under: StoreUnderTest): void {
  describe('webhooks', () => {
    test('a webhook is read back as it was created', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const webhook = await mine.webhook({
        events: ['user.*', 'team.member.added'],
        description: 'Ein Häkchen ✓ 🪝',
        status: 'disabled',
        disabledReason: 'owner',
        rotation: { beforeSealed: 'before', until: 7, prefersNew: true },
        heldUntil: 8,
        settings: OWN_SETTINGS,
      });
      assert.deepEqual(await store.getWebhook(mine.id, webhook.id), webhook);
      const { rotation, heldUntil, settings } = webhook;
      const target = await store.target({ accountId: mine.id, webhookId: webhook.id });
      assert.deepEqual({ ...target, rotation, heldUntil, settings }, target);
    });

    for (const [name, value] of Object.entries(OWN_SETTINGS)) {
      test(`the setting ${name} can be changed by itself, and taken back`, async (t) => {
        const { store, mine, tick } = await openWorld(t, under);
        const { id } = await mine.webhook();
        const initial: Record<string, unknown> = { ...DEFAULT_WEBHOOK_SETTINGS };
        for (const wanted of [value, initial[name]]) {
          const settings: Partial<WebhookSettings> = { [name]: wanted };
          const after = await store.updateWebhook(mine.id, id, { settings }, tick());
          assert.deepEqual(after?.settings, { ...DEFAULT_WEBHOOK_SETTINGS, ...settings });
          assert.deepEqual(await store.getWebhook(mine.id, id), after);
        }
      });
    }

    test('webhooks are listed newest first, page by page', async (t) => {
      const { store, mine, theirs } = await openWorld(t, under);
      const ids: string[] = [];
      for (let count = 0; count < 5; count++) {
        ids.unshift((await mine.webhook()).id);
        await theirs.webhook();
      }
      const first = await store.listWebhooks(mine.id, { limit: 3 });
      const second = await store.listWebhooks(mine.id, { limit: 2, after: first.items[2]?.id });
      assert.deepEqual(idsOf([...first.items, ...second.items]), ids);
      assert.equal(first.hasMore, true);
      assert.equal(second.hasMore, false, 'a page that is exactly full is the last one');
    });

    test('an update changes what it names and nothing else', async (t) => {
      const { store, mine, tick } = await openWorld(t, under);
      const webhook = await mine.webhook();
      const updatedAt = tick();
      const changes = { url: 'https://example.com/other', events: ['user.created'] };
      const after = await store.updateWebhook(mine.id, webhook.id, changes, updatedAt);
      assert.deepEqual(after, { ...webhook, ...changes, updatedAt });
      assert.deepEqual(await store.getWebhook(mine.id, webhook.id), after);
    });

    test('the reason of a disabled webhook can be taken away again', async (t) => {
      const { store, mine, tick } = await openWorld(t, under);
      const { id } = await mine.webhook({ status: 'disabled', disabledReason: 'owner' });
      const changes = { status: 'active', disabledReason: null } as const;
      await store.updateWebhook(mine.id, id, changes, tick());
      assert.equal((await store.getWebhook(mine.id, id))?.disabledReason, null);
    });

    test('a deleted webhook is gone from every list', async (t) => {
      const { store, mine, tick } = await openWorld(t, under);
      const { id } = await mine.webhook();
      assert.equal(await store.deleteWebhook(mine.id, id, tick()), 'deleted');
      assert.equal(await store.deleteWebhook(mine.id, id, tick()), 'missing');
      assert.equal(await store.getWebhook(mine.id, id), null);
      assert.equal(await store.updateWebhook(mine.id, id, { description: '' }, tick()), null);
      assert.deepEqual((await store.listWebhooks(mine.id, { limit: 10 })).items, []);
    });

    test('an account takes as many webhooks as it may have; deleted ones do not count', async (t) => {
      const { store, mine, theirs, newId, tick } = await openWorld(t, under);
      const create = (account: string) => {
        const webhook = webhookOf(account, newId('webhook'), tick());
        return store.createWebhook(webhook, { perAccountMax: 2 });
      };
      const { id } = await mine.webhook();
      assert.deepEqual(await create(mine.id), { result: 'created' });
      assert.deepEqual(await create(mine.id), { result: 'too_many' });
      assert.deepEqual(await create(theirs.id), { result: 'created' });
      await store.deleteWebhook(mine.id, id, tick());
      assert.deepEqual(await create(mine.id), { result: 'created' });
      assert.equal((await store.listWebhooks(mine.id, { limit: 10 })).items.length, 2);
    });

    const statuses: WebhookStatus[] = ['active', 'paused', 'disabled'];
    for (const status of statuses) {
      test(`the engine is told where a webhook is and that it is ${status}`, async (t) => {
        const { store, mine } = await openWorld(t, under);
        const { id: webhookId, url, secretSealed } = await mine.webhook({ status });
        const ref = { accountId: mine.id, webhookId };
        const wanted = { ...ref, url, secretSealed, status, ...PLAIN };
        assert.deepEqual(await store.target(ref), wanted);
      });
    }

    test('the engine is told that a webhook is deleted, and its secret is gone', async (t) => {
      const { store, mine, tick } = await openWorld(t, under);
      const { id: webhookId, url } = await mine.webhook();
      await store.deleteWebhook(mine.id, webhookId, tick());
      const ref = { accountId: mine.id, webhookId };
      const gone = { ...ref, url, secretSealed: '', status: 'deleted', ...PLAIN };
      assert.deepEqual(await store.target(ref), gone);
    });

    test('the engine is told when a webhook was changed', async (t) => {
      const { store, mine, tick } = await openWorld(t, under);
      const { id: webhookId } = await mine.webhook();
      const now = tick();
      await store.updateWebhook(mine.id, webhookId, { description: 'changed' }, now);
      assert.equal((await store.target({ accountId: mine.id, webhookId }))?.changedAt, now);
    });

    test('under another account a webhook does not exist', async (t) => {
      const { store, mine, theirs, tick } = await openWorld(t, under);
      const webhook = await mine.webhook();
      const { id } = webhook;
      assert.equal(await store.getWebhook(theirs.id, id), null);
      assert.equal(await store.updateWebhook(theirs.id, id, { url: 'http://x' }, tick()), null);
      assert.equal(await store.deleteWebhook(theirs.id, id, tick()), 'missing');
      assert.equal(await store.target({ accountId: theirs.id, webhookId: id }), null);
      assert.deepEqual(await store.getWebhook(mine.id, id), webhook);
    });

    test('two accounts may have webhooks of the same id, and change only their own', async (t) => {
      const { store, mine, theirs, tick } = await openWorld(t, under);
      const { id } = await mine.webhook();
      const twin = await theirs.webhook({ id, url: 'https://example.org/twin' });
      await store.updateWebhook(mine.id, id, { url: 'https://example.org/mine' }, tick());
      assert.deepEqual(await store.getWebhook(theirs.id, id), twin);
      await store.deleteWebhook(mine.id, id, tick());
      assert.deepEqual(await store.getWebhook(theirs.id, id), twin);
    });
  });
}
