import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Node, openNodes, pendingOf } from './nodes.ts';

/** At least, and at most until both sides of the race have been seen. */
const ROUNDS = 30;
const ROUNDS_MAX = 500;
const PUBLISHERS = 12;
const PUBLISHES_MAX = 2_000;

test('a publish that races a take-over is heard of by the new owner, at every moment', async (t) => {
  const { nodes, webhook } = await openNodes(t, ['a', 'b']);
  let [owner, next] = nodes as [Node, Node];
  const made = await webhook(0);
  await owner.live();
  await owner.ownership.take(owner.id, 1);
  let [handedOver, left, round] = [0, 0, 0];
  for (; round < ROUNDS || (round < ROUNDS_MAX && Math.min(handedOver, left) === 0); round++) {
    owner.handedOver.length = 0;
    await owner.fall();
    await next.live();
    const isOver = { value: false };
    const publishing = publishUntil(owner, isOver, () => owner.publish(made));
    const [taken] = await next.ownership.take(next.id, 1);
    assert.ok(taken, `round ${round}`);
    // What the new owner does first: whatever is not found now has to be left word of.
    const found = new Set(await pendingOf(next, made));
    isOver.value = true;
    const published = await publishing;
    const wakes = await next.ownership.wakes([taken], 1_000);
    const unseen = published.filter((id) => !found.has(id));
    if (unseen.length > 0) {
      const named = wakes.flatMap(({ webhooks }) => webhooks);
      const told = named.reduce((sum, { webhookId, count }) => {
        return webhookId === made.id ? sum + count : sum;
      }, 0);
      assert.ok(told >= unseen.length, `round ${round}: told of ${told} of ${unseen.length}`);
    }
    // Whoever was handed something over after all has to be the one whom the next one follows.
    const ofOld = owner.handedOver.map(({ id }) => id);
    assert.deepEqual(
      ofOld.filter((id) => !found.has(id)),
      [],
      `round ${round}: handed over to one who had lost it, and found by nobody`,
    );
    handedOver += ofOld.length;
    left += wakes.length;
    await next.ownership.forgetWakes(wakes, [taken]);
    assert.deepEqual(await next.ownership.wakes([taken], 1), []);
    [owner, next] = [next, owner];
  }
  t.diagnostic(`${round} take-overs: ${handedOver} handed over before, ${left} left for after`);
  assert.ok(handedOver > 0 && left > 0, 'both happened');
});

test('publishing connections without a pause do not hold a take-over off', async (t) => {
  const { nodes, webhook } = await openNodes(t, ['a', 'b']);
  const [a, b] = nodes as [Node, Node];
  const made = await webhook(0);
  await a.takeAll();
  await a.fall();
  await b.live();
  const isOver = { value: false };
  const publishing = publishUntil(a, isOver, () => a.publish(made));
  const startedAt = performance.now();
  const taken = await b.ownership.take(b.id, 1);
  const ms = performance.now() - startedAt;
  assert.equal(isOver.value, false, 'they were still publishing');
  isOver.value = true;
  const { length } = await publishing;
  t.diagnostic(`taken after ${ms.toFixed(0)} ms beside ${length} publishes`);
  assert.deepEqual(taken, [{ shard: 0, epoch: 2, drained: false }]);
});

/** Many at once, each again and again; it ends when it is over, or at a bound that nothing comes near. */
async function publishUntil(
  node: Node,
  isOver: { value: boolean },
  publish: () => Promise<string[]>,
): Promise<string[]> {
  const published: string[] = [];
  let begun = 0;
  const loop = async () => {
    while (!isOver.value && begun < PUBLISHES_MAX) {
      begun += 1;
      published.push(...(await publish()));
    }
  };
  await Promise.all(Array.from({ length: PUBLISHERS }, loop));
  assert.ok(begun < PUBLISHES_MAX, `${node.id} published ${begun} times`);
  return published;
}
