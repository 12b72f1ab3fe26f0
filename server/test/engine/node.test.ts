import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PosthornError } from '../../src/core/errors.ts';
import type { Ownership, TakenShard, Wake } from '../../src/core/ports.ts';
import { SHARDS } from '../../src/core/shards.ts';
import { Node } from '../../src/engine/nodes/node.ts';
import { createNodeLease } from '../../src/engine/nodes/node-lease.ts';
import { createFakeClock, type FakeClock, settled } from './support/fake-clock.ts';
import { OwnershipTable } from './support/ownership-table.ts';

const LEASE_MS = 5_000;
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const REF = { accountId: 'acc_1', webhookId: 'wh_1' };

describe('a node', () => {
  test('that is alone takes every shard', async () => {
    const { world, node } = await joined();
    assert.equal(node.served.size, SHARDS);
    assert.ok(node.lease.isValid());
    assert.equal(world.table.row(0).owner, 'one');
  });

  test('that joins others gets its share of them, a few at a time', async () => {
    const { world, node } = await joined();
    const other = await world.join('two');
    assert.equal(other.served.size, 0);
    await world.clock.advance(LEASE_MS / 3);
    assert.equal(node.served.size, SHARDS - 4);
    await world.clock.advance(MINUTE_MS);
    assert.deepEqual([node.served.size, other.served.size], [32, 32]);
    const third = await world.join('three');
    await world.clock.advance(MINUTE_MS);
    const shares = [node, other, third].map(({ served }) => served.size);
    assert.deepEqual(shares, [22, 22, 20]);
    assert.deepEqual(
      [...other.taken.values()].map(({ drained }) => drained),
      Array(other.taken.size).fill(true),
    );
  });

  test('that falls is followed by the others when its lease has ended', async () => {
    const { world, node } = await joined();
    node.isPaused = true;
    const other = await world.join('two');
    await world.clock.advance(LEASE_MS - SECOND_MS);
    assert.equal(other.served.size, 0);
    await world.clock.advance(3 * SECOND_MS);
    assert.equal(other.served.size, SHARDS);
    assert.deepEqual(
      [...other.taken.values()].map(({ drained }) => drained),
      Array(SHARDS).fill(false),
    );
  });

  test('that leaves is followed by the others at once', async () => {
    const { world, node } = await joined();
    const other = await world.join('two');
    node.it.stay();
    await node.it.leave({ drained: true });
    assert.ok(!node.lease.isValid());
    await world.clock.advance(LEASE_MS / 3);
    assert.equal(other.served.size, SHARDS);
    assert.deepEqual(
      [...other.taken.values()].map(({ drained }) => drained),
      Array(SHARDS).fill(true),
    );
  });

  test('that is about to leave keeps what it has, and takes nothing more', async () => {
    const { world, node } = await joined();
    node.it.stay();
    const other = await world.join('two');
    await world.clock.advance(MINUTE_MS);
    assert.deepEqual([node.served.size, other.served.size], [SHARDS, 0]);
    assert.ok(node.lease.isValid());
  });

  test('that could not tell the store that it gave a shard up says so again', async () => {
    const { world, node } = await joined();
    node.failing.add('release');
    const other = await world.join('two');
    await world.clock.advance(2 * SECOND_MS);
    assert.deepEqual([node.served.size, other.served.size], [SHARDS - 4, 0]);
    node.failing.clear();
    await world.clock.advance(MINUTE_MS);
    assert.deepEqual([node.served.size, other.served.size], [32, 32]);
  });

  test('does not take up again what it has just given up, whatever an older answer says', async () => {
    const { world, node } = await joined();
    const other = await world.join('two');
    node.releasing = Promise.withResolvers();
    await world.clock.advance(LEASE_MS / 3);
    const [shard = assert.fail()] = node.released;
    // The rows are read while that one is its own, and the answer comes when it is not any more.
    const answer = Promise.withResolvers<void>();
    node.after = async (name) => {
      if (name === 'renew') await answer.promise;
    };
    other.isPaused = true;
    world.table.leave('two');
    await world.clock.advance(LEASE_MS / 3);
    node.releasing.resolve();
    await settled();
    assert.equal(world.table.row(shard).owner, null);
    answer.resolve();
    await settled();
    assert.equal(node.it.serves(shard), false);
  });

  test('owns what it took, also when the answer to that was lost', async () => {
    const world = open();
    const node = world.node('one');
    node.lost.add('take');
    await node.it.join();
    assert.equal(node.served.size, 0);
    await world.clock.advance(SECOND_MS);
    assert.equal(node.served.size, SHARDS);
    assert.equal(node.taken.get(3)?.drained, false);
  });

  test('tells its engine again what it could not load', async () => {
    const world = open();
    const node = world.node('one');
    node.ownFails = 2;
    await node.it.join();
    assert.equal(node.served.size, 0);
    await world.clock.advance(LEASE_MS);
    assert.equal(node.served.size, SHARDS);
  });
});

describe('a lease', () => {
  test('is valid from when its renewal was sent, and ends before the row says so', async () => {
    const world = open();
    const node = world.node('one');
    const answer = Promise.withResolvers<void>();
    node.after = async (name) => {
      if (name === 'renew') await answer.promise;
    };
    const joining = node.it.join();
    await world.clock.advance(2 * SECOND_MS);
    node.failing.add('renew');
    answer.resolve();
    await joining;
    await world.clock.advance(2 * SECOND_MS);
    assert.ok(node.lease.isValid());
    await world.clock.advance(SECOND_MS / 2);
    assert.ok(!node.lease.isValid());
  });

  test('runs out while the store cannot be used, and is there again when it can', async () => {
    const { world, node } = await joined();
    node.failing.add('renew');
    await world.clock.advance(LEASE_MS);
    assert.ok(!node.lease.isValid());
    assert.deepEqual([node.it.serves(0), node.it.owns(0)], [true, false]);
    node.failing.clear();
    await world.clock.advance(SECOND_MS);
    assert.ok(node.it.owns(0));
    assert.deepEqual([...node.events], []);
  });

  test('runs out while the store does not answer, and is there again when it does', async () => {
    const { world, node } = await joined();
    node.after = () => new Promise(() => {});
    await world.clock.advance(2 * LEASE_MS);
    assert.ok(!node.lease.isValid());
    node.after = async () => {};
    await world.clock.advance(2 * LEASE_MS);
    assert.ok(node.lease.isValid());
  });

  test('is valid again only when the engine knows what was taken meanwhile', async () => {
    const { world, node } = await joined();
    node.isPaused = true;
    await world.clock.advance(LEASE_MS);
    world.table.renew({ id: 'two', leaseMs: MINUTE_MS });
    world.table.take('two', 3);
    node.losing = Promise.withResolvers();
    node.isPaused = false;
    await world.clock.advance(SECOND_MS);
    assert.ok(!node.lease.isValid());
    node.losing.resolve();
    await settled();
    assert.ok(node.lease.isValid());
    assert.deepEqual(node.events, ['loses 0,1,2']);
    assert.deepEqual([node.it.serves(0), node.it.owns(0)], [false, false]);
  });

  test('that ran out is valid again only when the engine knows what was changed meanwhile', async () => {
    const { world, node } = await joined();
    node.isPaused = true;
    await world.clock.advance(LEASE_MS);
    world.table.addWake(1, 'changed', [REF]);
    node.waking = Promise.withResolvers();
    node.isPaused = false;
    await world.clock.advance(SECOND_MS);
    assert.ok(!node.lease.isValid());
    node.waking.resolve();
    await settled();
    assert.ok(node.lease.isValid());
  });
});

describe('what was left for a node', () => {
  test('is read twice a second, and forgotten when it was acted upon', async () => {
    const { world, node } = await joined();
    node.waking = Promise.withResolvers();
    world.table.addWake(1, 'pending', [REF]);
    await world.clock.advance(500);
    assert.deepEqual(node.events, ['hears pending of 1']);
    assert.equal(world.table.wakesLeft, 1);
    node.waking.resolve();
    await settled();
    assert.equal(world.table.wakesLeft, 0);
  });

  test('is read at once when somebody says so', async () => {
    const { world, node } = await joined();
    world.table.addWake(1, 'pending', [REF]);
    node.it.hasten();
    await settled();
    assert.deepEqual(node.events, ['hears pending of 1']);
  });

  test('is read once more when somebody says so while it is read', async () => {
    const { world, node } = await joined();
    node.waking = Promise.withResolvers();
    world.table.addWake(1, 'pending', [REF]);
    node.it.hasten();
    await settled();
    world.table.addWake(2, 'changed', [REF]);
    node.it.hasten();
    node.waking.resolve();
    await settled();
    assert.deepEqual(node.events, ['hears pending of 1', 'hears changed of 2']);
  });

  test('stays when it could not be acted upon', async () => {
    const { world, node } = await joined();
    node.wokenFails = 1;
    world.table.addWake(1, 'pending', [REF]);
    await world.clock.advance(500);
    assert.equal(world.table.wakesLeft, 1);
    await world.clock.advance(500);
    assert.equal(world.table.wakesLeft, 0);
  });

  test('for shards of others is not read', async () => {
    const { world, node } = await joined();
    node.isPaused = true;
    await world.clock.advance(LEASE_MS);
    world.table.renew({ id: 'two', leaseMs: 2 * MINUTE_MS });
    world.table.take('two', 1);
    node.isPaused = false;
    await world.clock.advance(SECOND_MS);
    world.table.addWake(0, 'pending', [REF]);
    await world.clock.advance(MINUTE_MS);
    assert.equal(world.table.wakesLeft, 1);
  });
});

/** A database with nodes, whose engines are told and do as they are told. */
function open() {
  const clock = createFakeClock();
  const table = new OwnershipTable(() => clock.monotonic(), { taken() {}, released() {} });
  const node = (id: string) => new TestNode(id, table, clock);
  return {
    clock,
    table,
    node,
    async join(id: string): Promise<TestNode> {
      const made = node(id);
      await made.it.join();
      return made;
    },
  };
}

async function joined() {
  const world = open();
  return { world, node: await world.join('one') };
}

class TestNode {
  readonly it: Node;
  readonly lease: ReturnType<typeof createNodeLease>;
  /** What its engine serves now, and what it was told last of each. */
  readonly served = new Set<number>();
  readonly taken = new Map<number, TakenShard>();
  readonly released = new Set<number>();
  readonly events: string[] = [];
  /** Its process does not go on. */
  isPaused = false;
  /** Calls of the store that fail, and those that are done and whose answer is lost. */
  readonly failing = new Set<string>();
  readonly lost = new Set<string>();
  after: (name: string) => Promise<void> = async () => {};
  ownFails = 0;
  wokenFails = 0;
  losing = fulfilled();
  waking = fulfilled();
  releasing = fulfilled();
  readonly #clock: FakeClock;

  constructor(id: string, table: OwnershipTable, clock: FakeClock) {
    this.#clock = clock;
    this.lease = createNodeLease(clock);
    this.it = new Node(
      {
        ownership: this.#ownership(table),
        clock: {
          ...clock,
          after: (ms, call) => clock.after(ms, () => this.#unlessPaused(call)),
        },
        lease: this.lease,
        server: this.#server(),
        announcements: {
          bug: {
            hasSubscribers: true,
            publish: ({ error }) => {
              throw error;
            },
          },
        },
      },
      { id, leaseMs: LEASE_MS, releaseLimitMs: 20_000 },
    );
  }

  #unlessPaused(call: () => void): void {
    if (this.isPaused) this.#clock.after(10, () => this.#unlessPaused(call));
    else call();
  }

  #server() {
    return {
      own: async (shards: readonly TakenShard[]) => {
        if (this.ownFails-- > 0) throw unavailable();
        for (const one of shards) {
          this.served.add(one.shard);
          this.taken.set(one.shard, one);
        }
      },
      release: async (shards: readonly number[]) => {
        for (const one of shards) {
          this.served.delete(one);
          this.released.add(one);
        }
        await this.releasing.promise;
        return [...shards];
      },
      lose: async (shards: readonly number[]) => {
        await this.losing.promise;
        for (const one of shards) this.served.delete(one);
        this.events.push(`loses ${shards}`);
      },
      woken: async (wakes: readonly Wake[]) => {
        if (this.wokenFails-- > 0) throw unavailable();
        for (const { kind, shard } of wakes) this.events.push(`hears ${kind} of ${shard}`);
        await this.waking.promise;
      },
    };
  }

  #ownership(table: OwnershipTable): Ownership {
    const ask = async <Answer>(name: string, act: () => Answer): Promise<Answer> => {
      if (this.failing.has(name)) throw unavailable();
      const answer = act();
      await this.after(name);
      if (this.lost.delete(name)) throw unavailable();
      return answer;
    };
    return {
      renew: (node) => ask('renew', () => table.renew(node)),
      take: (id, limit) => ask('take', () => table.take(id, limit)),
      release: (id, shards, how) => ask('release', () => table.release(id, shards, how)),
      leave: (id) => ask('leave', () => table.leave(id)),
      wakes: (shards, limit) => ask('wakes', () => table.wakes(shards, limit)),
      forgetWakes: (wakes, shards) => ask('forgetWakes', () => table.forgetWakes(wakes, shards)),
      isChangeKnown: (webhook) => ask('isChangeKnown', () => table.isChangeKnown(webhook)),
    };
  }
}

function fulfilled(): PromiseWithResolvers<void> {
  const made = Promise.withResolvers<void>();
  made.resolve();
  return made;
}

function unavailable(): PosthornError {
  return new PosthornError('store_unavailable', 'It fails by order of the test.');
}
