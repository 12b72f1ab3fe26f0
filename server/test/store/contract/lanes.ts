import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LaneMemory, Rotation } from '../../../src/core/model.ts';
import { type Account, BEGIN, openWorld, type World } from './fixtures.ts';
import type { StoreUnderTest } from './store-under-test.ts';

const MEMORY: LaneMemory = {
  health: 'failing',
  usualMs: 140,
  failingSince: BEGIN,
  failedAttempts: 7,
};

/** What the engine writes about a webhook. */
export function lanesContract(under: StoreUnderTest): void {
  describe('holds', () => {
    test('of two holds the later one counts, in whichever order they come', async (t) => {
      const world = await openWorld(t, under);
      const ref = await refOf(world.mine);
      for (const [until, wanted] of [
        [20, 20],
        [10, 20],
        [30, 30],
      ] as const) {
        await world.store.holdWebhook(ref, until);
        assert.equal((await world.store.target(ref))?.heldUntil, wanted);
        assert.equal(
          (await world.store.getWebhook(world.mine.id, ref.webhookId))?.heldUntil,
          wanted,
        );
      }
      await world.store.holdWebhook(ref, null);
      assert.equal((await world.store.target(ref))?.heldUntil, null);
    });

    test('a hold that was asked for at another URL changes nothing, and so does its end', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const { id: webhookId, url } = await mine.webhook();
      const ref = { accountId: mine.id, webhookId };
      const elsewhere = { ...ref, url: `${url}/before`, epoch: 1 };
      await store.holdWebhook(elsewhere, 20);
      assert.equal((await store.target(ref))?.heldUntil, null);
      await store.holdWebhook({ ...ref, url, epoch: 1 }, 20);
      await store.holdWebhook(elsewhere, null);
      assert.equal((await store.target(ref))?.heldUntil, 20);
    });

    test('what waits for a hold is shown to wait for it, and for its due time again when it is over', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const webhook = await mine.webhook();
      const { id } = await mine.pending(webhook);
      const ref = { accountId: mine.id, webhookId: webhook.id };
      const shown = async () => {
        const page = await store.listDeliveries(mine.id, {}, { limit: 10 });
        const one = await store.getDelivery(mine.id, id);
        return [one?.delivery.dueAt ?? null, page.items.find((item) => item.id === id)?.dueAt];
      };
      const [dueAt] = await shown();
      assert.ok(typeof dueAt === 'number');
      await store.holdWebhook(ref, dueAt - 1);
      assert.deepEqual(await shown(), [dueAt, dueAt]);
      await store.holdWebhook(ref, dueAt + 5_000);
      assert.deepEqual(await shown(), [dueAt + 5_000, dueAt + 5_000]);
      await store.holdWebhook(ref, null);
      assert.deepEqual(await shown(), [dueAt, dueAt]);
    });

    test('a hold of a webhook of another account changes nothing', async (t) => {
      const { store, mine, theirs } = await openWorld(t, under);
      const ref = await refOf(mine);
      await store.holdWebhook({ ...ref, accountId: theirs.id }, 20);
      assert.equal((await store.target(ref))?.heldUntil, null);
    });
  });

  describe('a run of the engine', () => {
    test('is told what the one before may have left in progress: nothing before there was anything to send', async (t) => {
      const { store, mine } = await openWorld(t, under);
      assert.deepEqual(await store.beginRun(), { drained: true });
      assert.deepEqual(await store.beginRun(), { drained: true });
      await mine.webhook();
      await mine.publish({});
      assert.deepEqual(await store.beginRun(), { drained: false });
      await store.endRun();
      assert.deepEqual(await store.beginRun(), { drained: true });
      assert.deepEqual(await store.beginRun(), { drained: false });
    });
  });

  describe('what a lane remembers', () => {
    test('it is read back, and replaced by what is remembered later', async (t) => {
      const { store, mine, theirs } = await openWorld(t, under);
      const ref = await refOf(mine);
      const foreign = { ...ref, accountId: theirs.id };
      await theirs.webhook({ id: ref.webhookId });
      assert.equal((await store.target(ref))?.memory, null);
      const calm: LaneMemory = {
        health: 'proven',
        usualMs: null,
        failingSince: null,
        failedAttempts: 0,
      };
      for (const memory of [MEMORY, calm]) {
        await store.rememberLane(ref, memory);
        assert.deepEqual((await store.target(ref))?.memory, memory);
        assert.equal((await store.target(foreign))?.memory, null);
      }
    });

    test('of a receiver at another URL nothing is remembered', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const { id: webhookId, url } = await mine.webhook();
      const ref = { accountId: mine.id, webhookId };
      await store.rememberLane({ ...ref, url: `${url}/before`, epoch: 1 }, MEMORY);
      assert.equal((await store.target(ref))?.memory, null);
      await store.rememberLane({ ...ref, url, epoch: 1 }, MEMORY);
      assert.deepEqual((await store.target(ref))?.memory, MEMORY);
    });

    test('a webhook that goes elsewhere is neither held nor known any more', async (t) => {
      const { store, mine, tick } = await openWorld(t, under);
      const webhook = await mine.webhook();
      const ref = { accountId: mine.id, webhookId: webhook.id };
      await store.holdWebhook(ref, 20);
      await store.rememberLane(ref, MEMORY);
      const same = { url: webhook.url, description: 'Another' };
      const kept = await store.updateWebhook(mine.id, webhook.id, same, tick());
      assert.deepEqual([kept?.heldUntil, (await store.target(ref))?.memory], [20, MEMORY]);
      const moved = { url: 'https://example.com/elsewhere' };
      const after = await store.updateWebhook(mine.id, webhook.id, moved, tick());
      assert.equal(after?.heldUntil, null);
      const target = await store.target(ref);
      assert.deepEqual([target?.heldUntil, target?.memory], [null, null]);
    });

    test('a deleted webhook is forgotten, whoever remembers it afterwards', async (t) => {
      const { store, mine, tick } = await openWorld(t, under);
      const ref = await refOf(mine);
      await store.rememberLane(ref, MEMORY);
      await store.deleteWebhook(mine.id, ref.webhookId, tick());
      assert.equal((await store.target(ref))?.memory, null);
      await store.rememberLane(ref, MEMORY);
      assert.equal((await store.target(ref))?.memory, null);
    });
  });

  describe('a webhook that the engine disables', () => {
    for (const [status, said] of [
      ['active', 'disabled'],
      ['paused', 'disabled'],
      ['disabled', 'unchanged'],
    ] as const) {
      test(`one that is ${status}: ${said}`, async (t) => {
        const { store, mine, tick } = await openWorld(t, under);
        const disabledReason = status === 'disabled' ? 'owner' : null;
        const webhook = await mine.webhook({ status, disabledReason });
        const ref = { accountId: mine.id, webhookId: webhook.id };
        const { version } = await store.subscriptions(mine.id);
        const now = tick();
        assert.equal(await store.disableWebhook(ref, 'gone', now), said);
        const after = await store.getWebhook(mine.id, webhook.id);
        const disabled = { status: 'disabled', disabledReason: 'gone', updatedAt: now };
        assert.deepEqual(after, said === 'disabled' ? { ...webhook, ...disabled } : webhook);
        const subscriptions = await store.subscriptions(mine.id);
        assert.deepEqual(subscriptions.webhooks, []);
        assert.equal(subscriptions.version, version + (said === 'disabled' ? 1 : 0));
      });
    }

    test('one that has gone to another URL since stays as it is', async (t) => {
      const { store, mine, tick } = await openWorld(t, under);
      const { id: webhookId, url } = await mine.webhook();
      const ref = { accountId: mine.id, webhookId };
      const elsewhere = { ...ref, url: `${url}/before`, epoch: 1 };
      assert.equal(await store.disableWebhook(elsewhere, 'gone', tick()), 'unchanged');
      assert.equal((await store.target(ref))?.status, 'active');
      assert.equal(await store.disableWebhook({ ...ref, url }, 'gone', tick()), 'disabled');
    });

    test('one that is deleted or of another account stays as it is', async (t) => {
      const { store, mine, theirs, tick } = await openWorld(t, under);
      const ref = await refOf(mine);
      const foreign = { ...ref, accountId: theirs.id };
      assert.equal(await store.disableWebhook(foreign, 'gone', tick()), 'unchanged');
      assert.equal((await store.target(ref))?.status, 'active');
      await store.deleteWebhook(mine.id, ref.webhookId, tick());
      assert.equal(await store.disableWebhook(ref, 'gone', tick()), 'unchanged');
      assert.equal((await store.target(ref))?.status, 'deleted');
    });
  });

  test('holds, preferences and memories make no publish stale', async (t) => {
    const { store, mine } = await openWorld(t, under);
    const ref = await refOf(mine);
    const events = await mine.newEvents({});
    await store.holdWebhook(ref, 20);
    await store.holdWebhook(ref, null);
    await store.preferNewSecret(ref, `sealed ${ref.webhookId}`);
    await store.rememberLane(ref, MEMORY);
    assert.deepEqual(await store.publish(events), { result: 'accepted' });
  });

  describe('rotation of a secret', () => {
    test('the secret before goes on beside the new one until the overlap ends', async (t) => {
      const world = await openWorld(t, under);
      const webhook = await world.mine.webhook({ secretSealed: 'one' });
      const after = await rotate(world, webhook.id, 'two', { at: 100, until: 200 });
      assert.deepEqual(after, {
        ...webhook,
        secretSealed: 'two',
        secretHint: 'hint two',
        rotation: { beforeSealed: 'one', until: 200, prefersNew: false },
        updatedAt: 100,
      });
      const ref = { accountId: world.mine.id, webhookId: webhook.id };
      const target = await world.store.target(ref);
      assert.deepEqual([target?.secretSealed, target?.rotation], ['two', after?.rotation]);
      assert.deepEqual(await world.store.getWebhook(world.mine.id, webhook.id), after);
    });

    // A second rotation during an overlap that ends at 200: of the two in force one can go on.
    const seconds: [name: string, prefersNew: boolean, at: number, before: string][] = [
      ['the oldest goes on while receivers still go by it', false, 199, 'one'],
      ['the newer one goes on when receivers have shown that they know it', true, 199, 'two'],
      ['the newer one goes on when the overlap has ended', false, 200, 'two'],
    ];
    for (const [name, prefersNew, at, beforeSealed] of seconds) {
      test(`of a second rotation: ${name}`, async (t) => {
        const world = await openWorld(t, under);
        const ref = await refOf(world.mine, { secretSealed: 'one' });
        await rotate(world, ref.webhookId, 'two', { at: 100, until: 200 });
        if (prefersNew) await world.store.preferNewSecret(ref, 'two');
        const after = await rotate(world, ref.webhookId, 'three', { at, until: 300 });
        assert.equal(after?.secretSealed, 'three');
        const wanted: Rotation = { beforeSealed, until: 300, prefersNew: false };
        assert.deepEqual(after?.rotation, wanted);
      });
    }

    test('without an overlap the new secret is the only one', async (t) => {
      const world = await openWorld(t, under);
      const ref = await refOf(world.mine, { secretSealed: 'one' });
      await rotate(world, ref.webhookId, 'two', { at: 100, until: 200 });
      const after = await rotate(world, ref.webhookId, 'three', { at: 110, until: null });
      assert.deepEqual([after?.secretSealed, after?.rotation], ['three', null]);
    });

    test('the new secret is preferred only while it is the newest', async (t) => {
      const world = await openWorld(t, under);
      const { store, mine, theirs } = world;
      const ref = await refOf(mine, { secretSealed: 'one' });
      await rotate(world, ref.webhookId, 'two', { at: 100, until: 200 });
      const prefersNew = async () => (await store.target(ref))?.rotation?.prefersNew;
      await store.preferNewSecret(ref, 'one');
      await store.preferNewSecret({ ...ref, accountId: theirs.id }, 'two');
      assert.equal(await prefersNew(), false);
      await store.preferNewSecret(ref, 'two');
      assert.equal(await prefersNew(), true);
    });

    test('a deleted webhook has no secret at all', async (t) => {
      const world = await openWorld(t, under);
      const ref = await refOf(world.mine, { secretSealed: 'one' });
      await rotate(world, ref.webhookId, 'two', { at: 100, until: 200 });
      await world.store.deleteWebhook(world.mine.id, ref.webhookId, 110);
      const target = await world.store.target(ref);
      assert.deepEqual([target?.secretSealed, target?.rotation], ['', null]);
    });

    test('a secret whose overlap has ended is forgotten, not a millisecond earlier', async (t) => {
      const world = await openWorld(t, under);
      const ref = await refOf(world.mine, { secretSealed: 'one' });
      const after = await rotate(world, ref.webhookId, 'two', { at: 100, until: 200 });
      assert.equal(await world.store.forgetExpired(199, 10), 0);
      assert.deepEqual((await world.store.target(ref))?.rotation, after?.rotation);
      assert.equal(await world.store.forgetExpired(200, 10), 0, 'it is no idempotency record');
      const { rotation, ...others } = after ?? {};
      assert.ok(rotation);
      const found = await world.store.getWebhook(world.mine.id, ref.webhookId);
      assert.deepEqual(found, { ...others, rotation: null });
    });

    test('at most so many secrets are forgotten at once', async (t) => {
      const world = await openWorld(t, under);
      const refs = [await refOf(world.mine), await refOf(world.mine), await refOf(world.theirs)];
      for (const { accountId, webhookId } of refs) {
        const secret = { sealed: 'two', hint: 'two', overlapUntil: 200 };
        await world.store.updateWebhook(accountId, webhookId, { secret }, 100);
      }
      for (const left of [1, 0]) {
        await world.store.forgetExpired(200, 2);
        const targets = await Promise.all(refs.map((ref) => world.store.target(ref)));
        assert.equal(targets.filter((target) => target?.rotation !== null).length, left);
      }
    });
  });
}

async function refOf(account: Account, fields: Parameters<Account['webhook']>[0] = {}) {
  const { id } = await account.webhook(fields);
  return { accountId: account.id, webhookId: id };
}

function rotate(
  { store, mine }: World,
  id: string,
  sealed: string,
  { at, until }: { at: number; until: number | null },
) {
  const secret = { sealed, hint: `hint ${sealed}`, overlapUntil: until };
  return store.updateWebhook(mine.id, id, { secret }, at);
}
