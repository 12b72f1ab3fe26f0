import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { OwnedShard } from '../../../src/core/ports.ts';
import { SHARDS } from '../../../src/core/shards.ts';
import { type Node, openNodes } from './nodes.ts';

const A_MINUTE_MS = 60_000;
const ALL = Array.from({ length: SHARDS }, (_, shard) => shard);

describe('a node and its shards', () => {
  test('it owns what it took, in the first epoch, and nobody else takes that', async (t) => {
    const { nodes } = await openNodes(t, ['a', 'b']);
    const [a, b] = nodes as [Node, Node];
    assert.deepEqual(await a.live(), { owned: [], nodes: 1, free: SHARDS });
    const taken = await a.ownership.take(a.id, 3);
    assert.deepEqual(
      taken,
      [0, 1, 2].map((shard) => ({ shard, epoch: 1, drained: true })),
    );
    assert.deepEqual(await b.live(), { owned: [], nodes: 2, free: SHARDS - 3 });
    assert.deepEqual(shardsOf(await b.ownership.take(b.id, SHARDS)), ALL.slice(3));
    assert.deepEqual(await a.ownership.take(a.id, SHARDS), []);
    assert.deepEqual(shardsOf((await a.live()).owned), [0, 1, 2]);
  });

  test('a lease ends by the clock of the database, and the next owner has the next epoch', async (t) => {
    const { nodes } = await openNodes(t, ['a', 'b']);
    const [a, b] = nodes as [Node, Node];
    await a.takeAll();
    await a.fall();
    const { nodes: living, free } = await b.live();
    assert.deepEqual([living, free], [1, SHARDS]);
    const taken = await b.ownership.take(b.id, SHARDS);
    assert.deepEqual(shardsOf(taken), ALL);
    assert.ok(taken.every(({ epoch, drained }) => epoch === 2 && !drained));
    const renewed = await a.live();
    assert.deepEqual(renewed, { owned: [], nodes: 2, free: 0 });
  });

  test('a lease that ended and was renewed before anybody came is a lease', async (t) => {
    const { nodes } = await openNodes(t, ['a', 'b']);
    const [a, b] = nodes as [Node, Node];
    await a.takeAll();
    await a.fall();
    await a.live();
    assert.deepEqual(await b.takeAll(), []);
    assert.equal((await a.live()).owned.length, SHARDS);
  });

  for (const drained of [true, false]) {
    const how = drained ? 'with nothing in progress' : 'in a hurry';
    test(`what is given up ${how} is free, and its next owner knows how`, async (t) => {
      const { nodes } = await openNodes(t, ['a', 'b']);
      const [a, b] = nodes as [Node, Node];
      const [first, second] = await a.takeAll();
      assert.ok(first && second);
      await a.ownership.release(a.id, [first], { drained });
      assert.deepEqual(await b.takeAll(), [{ shard: first.shard, epoch: 2, drained }]);
    });
  }

  test('giving up what was taken meanwhile changes nothing', async (t) => {
    const { nodes } = await openNodes(t, ['a', 'b']);
    const [a, b] = nodes as [Node, Node];
    const taken = await a.takeAll();
    await a.fall();
    await b.takeAll();
    await a.ownership.release(a.id, taken, { drained: true });
    assert.equal((await b.live()).owned.length, SHARDS);
  });

  test('a node that leaves is no node any more, and what it had left is free', async (t) => {
    const { nodes } = await openNodes(t, ['a', 'b']);
    const [a, b] = nodes as [Node, Node];
    await a.takeAll();
    await a.ownership.leave(a.id);
    assert.deepEqual(await b.live(), { owned: [], nodes: 1, free: SHARDS });
    assert.ok((await b.takeAll()).every(({ drained }) => !drained));
  });

  test('of two nodes that come for one shard at once one gets it', async (t) => {
    const { nodes } = await openNodes(t, ['a', 'b']);
    const [a, b] = nodes as [Node, Node];
    await Promise.all([a.live(), b.live()]);
    const [ofA, ofB] = await Promise.all([a, b].map(({ id, ownership }) => ownership.take(id, 64)));
    assert.ok(ofA && ofB);
    assert.deepEqual(
      [...shardsOf(ofA), ...shardsOf(ofB)].sort((x, y) => x - y),
      ALL,
    );
  });

  test('a renewal that comes at the moment of a take-over does not answer what was taken', async (t) => {
    const { nodes } = await openNodes(t, ['a', 'b']);
    const [a, b] = nodes as [Node, Node];
    for (let round = 0; round < 40; round++) {
      await a.takeAll();
      await a.fall();
      await b.live();
      const [renewed, taken] = await Promise.all([a.live(), b.ownership.take(b.id, 4)]);
      const both = shardsOf(renewed.owned).filter((shard) => shardsOf(taken).includes(shard));
      assert.deepEqual(both, [], `round ${round}`);
      await b.ownership.release(b.id, taken, { drained: true });
    }
  });

  test('a lease is as long as it was asked for', async (t) => {
    const { nodes } = await openNodes(t, ['a', 'b']);
    const [a, b] = nodes as [Node, Node];
    await a.ownership.renew({ id: a.id, leaseMs: A_MINUTE_MS });
    await a.ownership.take(a.id, SHARDS);
    assert.deepEqual(await b.takeAll(), []);
  });
});

function shardsOf(shards: readonly OwnedShard[]): number[] {
  return shards.map(({ shard }) => shard);
}
