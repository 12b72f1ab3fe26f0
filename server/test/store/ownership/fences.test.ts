import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Webhook } from '../../../src/core/model.ts';
import type { Wake, WokenWebhook } from '../../../src/core/ports.ts';
import { SHARDS, shardOf } from '../../../src/core/shards.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { bare } from '../../../src/store/ids.ts';
import { run } from '../../support/postgres.ts';
import { attemptOf, resultOf, settlementOf } from '../contract/fixtures.ts';
import { type Cluster, type Node, openNodes, pendingOf, refOf } from './nodes.ts';

describe('what a node writes after it has lost a shard', () => {
  test('its late settlement changes nothing; the one of the next owner does', async (t) => {
    const { nodes, webhook, newId } = await openNodes(t, ['a', 'b']);
    const [a, b] = nodes as [Node, Node];
    await a.takeAll();
    const made = await webhook();
    await a.publish(made);
    const [delivery] = a.handedOver;
    assert.ok(delivery);
    const before = await a.store.getDelivery(delivery.accountId, delivery.id);
    await a.fall();
    await b.takeAll();
    const late = settlementOf(delivery, attemptOf(newId('attempt')));
    assert.deepEqual(await a.store.settle([late]), ['fenced']);
    assert.deepEqual(await a.store.getDelivery(delivery.accountId, delivery.id), before);
    assert.deepEqual(await b.store.settle([{ ...late, epoch: 2 }]), ['settled']);
  });

  test('of settlements in one call only those of the lost shard are fenced', async (t) => {
    const { nodes, webhook, newId } = await openNodes(t, ['a', 'b']);
    const [a, b] = nodes as [Node, Node];
    await a.takeAll();
    const webhooks = [await webhook(0), await webhook(1), await webhook(2)];
    await a.publish(...webhooks);
    await a.fall();
    await b.live();
    await b.ownership.take(b.id, 2);
    const settlements = a.handedOver.map((one) => settlementOf(one, attemptOf(newId('attempt'))));
    assert.deepEqual(await a.store.settle(settlements), ['fenced', 'fenced', 'settled']);
  });

  test('what it publishes is left for the next owner, not handed over', async (t) => {
    const { nodes, webhook } = await openNodes(t, ['a', 'b']);
    const [a, b] = nodes as [Node, Node];
    await a.takeAll();
    const made = await webhook();
    await a.fall();
    await b.takeAll();
    const ids = await a.publish(made);
    assert.deepEqual([a.handedOver, b.handedOver], [[], []]);
    assert.deepEqual(await pendingOf(b, made), ids);
    const [wake, ...more] = await wakesOf(b);
    assert.deepEqual(more, []);
    assert.deepEqual(
      [wake?.kind, wake?.shard, wake?.webhooks],
      ['pending', shardOf(made.id), [counted(made, 1)]],
    );
  });

  test('wakes that it read before are not its to delete', async (t) => {
    const { nodes, webhook } = await openNodes(t, ['a', 'b']);
    const [a, b] = nodes as [Node, Node];
    const made = await webhook();
    const owned = await a.takeAll();
    await b.publish(made);
    const wakes = await wakesOf(a);
    assert.equal(wakes.length, 1);
    await a.fall();
    const taken = await b.takeAll();
    await a.ownership.forgetWakes(wakes, owned);
    assert.deepEqual(await wakesOf(b), wakes);
    await b.ownership.forgetWakes(wakes, taken);
    assert.deepEqual(await wakesOf(b), []);
  });
});

test('what is handed over has the epoch under which it was published', async (t) => {
  const { nodes, webhook } = await openNodes(t, ['a', 'b']);
  const [a, b] = nodes as [Node, Node];
  await a.takeAll();
  const made = await webhook();
  await a.publish(made);
  await a.fall();
  await b.takeAll();
  await b.publish(made);
  const epochs = [a, b].map(({ handedOver }) => handedOver.map(({ epoch }) => epoch));
  assert.deepEqual(epochs, [[1], [2]]);
});

describe('what a node leaves for the owner of a shard', () => {
  test('a publish leaves one row for each shard, with how many it has for each webhook', async (t) => {
    const { nodes, webhook } = await openNodes(t, ['a', 'b']);
    const [a, b] = nodes as [Node, Node];
    await a.takeAll();
    const [first, second, other] = [await webhook(1), await webhook(1), await webhook(2)];
    await b.publish(first, second, first, other);
    const wakes = await wakesOf(a);
    assert.deepEqual(
      wakes.map(({ shard, webhooks }) => [shard, webhooks]),
      [
        [1, [counted(first, 2), counted(second, 1)]],
        [2, [counted(other, 1)]],
      ],
    );
    await a.publish(first);
    assert.equal((await wakesOf(a)).length, 2, 'the owner leaves none');
    assert.equal(a.handedOver.length, 1);
  });

  test('a row of a program that did not count is one for each of its webhooks', async (t) => {
    const { url, nodes, webhook } = await openNodes(t, ['a']);
    const [a] = nodes as [Node];
    const [first, second] = [await webhook(1), await webhook(1)];
    const accounts = [first, second].map(({ accountId }) => bare(accountId));
    const webhooks = [first, second].map(({ id }) => bare(id));
    await run(
      url,
      `insert into wakes (shard, kind, account_ids, webhook_ids)
      values (1, 'pending', '{${accounts}}', '{${webhooks}}')`,
    );
    const [wake] = await wakesOf(a);
    assert.deepEqual(wake?.webhooks, [counted(first, 1), counted(second, 1)]);
  });

  test('one that is sent again is left too', async (t) => {
    const { nodes, webhook, newId } = await openNodes(t, ['a', 'b']);
    const [a, b] = nodes as [Node, Node];
    await a.takeAll();
    const made = await webhook();
    const [deliveryId = ''] = await a.publish(made);
    const { accountId } = made;
    const again = { accountId, deliveryId, newId: newId('delivery'), createdAt: systemClock.now() };
    await b.store.redeliver(again);
    const wakes = await wakesOf(a);
    assert.deepEqual(
      wakes.map(({ kind, webhooks }) => [kind, webhooks]),
      [['pending', [counted(made, 1)]]],
    );
    assert.equal(a.handedOver.length, 1);
  });

  for (const [name, change] of Object.entries(changes())) {
    test(`${name}: it is known when the owner has said so, or when there is none`, async (t) => {
      const cluster = await openNodes(t, ['a', 'b']);
      const [a, b] = cluster.nodes as [Node, Node];
      await a.takeAll();
      const [made, other] = [await cluster.webhook(), await cluster.webhook()];
      await a.publish(made);
      await change(b, made, cluster);
      const isKnown = (webhook: Webhook) => b.ownership.isChangeKnown(refOf(webhook));
      assert.deepEqual([await isKnown(made), await isKnown(other)], [false, true]);
      const wakes = await wakesOf(a);
      assert.deepEqual(
        wakes.map(({ kind, webhooks }) => [kind, webhooks]),
        [['changed', [counted(made, 1)]]],
      );
      await a.fall();
      assert.equal(await isKnown(made), true, 'the next owner reads what is stored');
      const { owned } = await a.live();
      assert.equal(await isKnown(made), false);
      await a.ownership.forgetWakes(wakes, owned);
      assert.equal(await isKnown(made), true);
    });

    test(`${name}: the owner itself leaves no word of it`, async (t) => {
      const cluster = await openNodes(t, ['a']);
      const [a] = cluster.nodes as [Node];
      await a.takeAll();
      const made = await cluster.webhook();
      await a.publish(made);
      await change(a, made, cluster);
      assert.deepEqual(await wakesOf(a), []);
      assert.equal(await a.ownership.isChangeKnown(refOf(made)), true);
    });
  }
});

type Change = (node: Node, webhook: Webhook, cluster: Cluster) => Promise<unknown>;

/** Everything after which a lane must not go on as it was. */
function changes(): Record<string, Change> {
  const now = systemClock.now();
  return {
    'a webhook is paused': ({ store }, { accountId, id }) =>
      store.updateWebhook(accountId, id, { status: 'paused' }, now),
    'a webhook is deleted': ({ store }, { accountId, id }) =>
      store.deleteWebhook(accountId, id, now),
    'a webhook is disabled': ({ store }, webhook) =>
      store.disableWebhook(refOf(webhook), 'failing', now),
    'a secret is rotated': ({ store }, webhook) =>
      store.rotateSecret({
        ...refOf(webhook),
        secret: { sealed: 'new', hint: 'new', overlapUntil: null },
        rotatedAt: now,
      }),
    'a hold ends': ({ store }, webhook) => store.holdWebhook(refOf(webhook), null),
    'a delivery is cancelled': async (node, webhook) => {
      const [deliveryId = ''] = await pendingOf(node, webhook);
      const { accountId } = webhook;
      const said = await node.store.cancelDelivery({ accountId, deliveryId, reason: 'owner' });
      assert.notEqual(resultOf(said), 'ended');
    },
    'a recovery is created': ({ store }, { accountId, id: webhookId }, { newId }) =>
      store.createRecovery({
        ...{ accountId, webhookId, id: newId('recovery'), since: 0, until: now },
        ...{ status: 'running', deliveryCount: 0, createdAt: now, endedAt: null },
      }),
  };
}

function counted(webhook: Webhook, count: number): WokenWebhook {
  return { ...refOf(webhook), count };
}

/** What was left for any shard. */
async function wakesOf({ ownership }: Node): Promise<Wake[]> {
  const all = Array.from({ length: SHARDS }, (_, shard) => ({ shard, epoch: 0 }));
  return await ownership.wakes(all, 1_000);
}
