// Each call of the store port is made with its first statement failing, then its second, and so on until it
// has no more: each time it is refused with `store_unavailable` and nothing of it has happened. Then it is
// made once more and does what the reference model says.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { PosthornError } from '../../src/core/errors.ts';
import { createIds, type NewId } from '../../src/core/ids.ts';
import type { DueDelivery, HandOver } from '../../src/core/ports.ts';
import { OPERATION_NAMES, type StoreCall } from '../../src/store/calls.ts';
import { openDatabase } from '../../src/store/sqlite/database.ts';
import { createExecutor } from '../../src/store/sqlite/executor.ts';
import { migrate } from '../../src/store/sqlite/migrate.ts';
import { seededBy } from '../core/support/seeded.ts';
import { callsOf, everything, firstWebhooks, type Scene } from '../store/model/calls.ts';
import { FIRST_TYPES, openPostgresAlone } from '../store/model/comparison.ts';
import { follow } from '../store/model/model.ts';
import type { Operation } from '../store/model/operations.ts';
import { emptyState } from '../store/model/state.ts';
import { FaultInjector, type FaultKind, type FaultPlan } from './support/faulty-database.ts';

type Ask = (call: StoreCall) => Promise<unknown>;

interface FaultyStore {
  ask: Ask;
  faults: Faults;
  /** Whether all is looked at after each fault, and not only when the call was made in the end. */
  isQuick: boolean;
}

interface Faults {
  /** The statement behind so many more fails. */
  arm(after: number): void;
  /** Whether it came to that; none fails any more. */
  disarm(): boolean;
}

const STORES: readonly {
  name: string;
  open(t: TestContext, ports: { newId: NewId; handOver: HandOver }): Promise<FaultyStore>;
}[] = [
  { name: 'SQLite, locked by another program', open: (t, ports) => openSqlite(t, ports, 'busy') },
  { name: 'SQLite, on a full disk', open: (t, ports) => openSqlite(t, ports, 'full') },
  { name: 'PostgreSQL, on a full disk', open: openPostgres },
];

for (const { name, open } of STORES) {
  test(`Whichever statement of whichever call of the port fails, nothing of the call has happened: ${name}`, async (t) => {
    const sweep = new Sweep();
    await sweep.begin(await open(t, sweep));
    for (const operation of EACH_OPERATION) await sweep.make(operation);
    await sweep.end();
    t.diagnostic(`${sweep.injected} faults in ${sweep.calls} calls`);
    assert.deepEqual(sweep.unvisited, []);
    assert.ok(sweep.injected > sweep.calls);
  });
}

class Sweep {
  injected = 0;
  calls = 0;
  readonly newId: NewId;
  readonly #visited = new Set<string>();
  #store: FaultyStore | null = null;
  #scene: Scene | null = null;
  #handedOver: DueDelivery[] = [];
  #now = Date.UTC(2023, 11, 1, 12);

  constructor() {
    const clock = {
      now: () => this.#now,
      monotonic: () => this.#now,
      after: () => ({ cancel() {} }),
    };
    this.newId = createIds({ clock, random: seededBy(1) });
  }

  readonly handOver: HandOver = (deliveries) => {
    this.#handedOver.push(...deliveries.map(({ epoch, ...delivery }) => delivery));
  };

  get unvisited(): string[] {
    return OPERATION_NAMES.filter((name) => !this.#visited.has(name));
  }

  async begin(store: FaultyStore): Promise<void> {
    this.#store = store;
    const accounts = [this.newId('account'), this.newId('account')] as const;
    const now = this.#now;
    const others: [StoreCall, unknown][] = [
      ...accounts.map((id): [StoreCall, unknown] => [
        { operation: 'createAccount', args: [{ id, createdAt: now }] },
        'created',
      ]),
      [{ operation: 'vaultCheck', args: ['sealed'] }, 'sealed'],
      [{ operation: 'check', args: [] }, undefined],
      [{ operation: 'endRun', args: [] }, undefined],
      [{ operation: 'beginRun', args: [] }, { drained: true }],
    ];
    for (const [call, wanted] of others) {
      assert.deepEqual(await this.#insist(call, store), wanted);
    }
    this.#scene = { state: emptyState(FIRST_TYPES), accounts, now, newId: this.newId };
    for (const call of firstWebhooks(this.#scene)) await this.#follow(call, this.#scene, store);
  }

  async make(operation: Operation): Promise<void> {
    const [store, scene] = [this.#store, this.#scene];
    if (store === null || scene === null) throw new Error('begin first');
    this.#now += operation.waitMs;
    scene.now = this.#now;
    const calls = callsOf(operation, scene);
    assert.notEqual(calls.length, 0, `${operation.kind} is about something`);
    for (const call of calls) await this.#follow(call, scene, store);
  }

  /** Whoever looks at all of it hears of a failure, too. */
  async end(): Promise<void> {
    const [store, scene] = [this.#store, this.#scene];
    if (store === null || scene === null) throw new Error('begin first');
    for (const call of everything(scene)) {
      const said = await this.#insist(call, store);
      follow(scene.state, [{ call, said }], []);
    }
  }

  async #follow(call: StoreCall, scene: Scene, store: FaultyStore): Promise<void> {
    const said = await this.#insist(call, store, async () => {
      if (store.isQuick) await this.#lookAtAll(scene, store);
    });
    follow(scene.state, [{ call, said }], this.#handedOver.splice(0));
    await this.#lookAtAll(scene, store);
  }

  /** Makes the call until none of its statements fails. */
  async #insist(call: StoreCall, { ask, faults }: FaultyStore, look = async () => {}) {
    this.calls += 1;
    this.#visited.add(call.operation);
    for (let statement = 0; ; statement++) {
      faults.arm(statement);
      const ended = await ask(call).then(
        (said) => ({ said }),
        (error: unknown) => ({ error }),
      );
      const hasFailed = faults.disarm();
      const what = `${call.operation} with its statement ${statement} failing`;
      if (!hasFailed && 'said' in ended) return ended.said;
      assert.ok(hasFailed && 'error' in ended, `${what}: ${JSON.stringify(ended)}`);
      assert.ok(ended.error instanceof PosthornError, `${what}: ${ended.error}`);
      assert.equal(ended.error.code, 'store_unavailable', what);
      assert.deepEqual(this.#handedOver, [], what);
      this.injected += 1;
      await look();
    }
  }

  async #lookAtAll(scene: Scene, { ask }: FaultyStore): Promise<void> {
    const calls = everything(scene);
    const said = await Promise.all(calls.map(ask));
    for (const [index, call] of calls.entries()) {
      follow(scene.state, [{ call, said: said[index] }], []);
    }
  }
}

async function openSqlite(
  t: TestContext,
  ports: { newId: NewId; handOver: HandOver },
  kind: FaultKind,
): Promise<FaultyStore> {
  const db = openDatabase(':memory:');
  t.after(() => db.close());
  migrate(db);
  const plan: FaultPlan = { kind, at: Number.POSITIVE_INFINITY, times: 1 };
  const injector = new FaultInjector(plan);
  injector.infect(db);
  const executor = createExecutor(db, ports);
  let before = 0;
  return {
    async ask(call) {
      const [result] = executor.run([call]);
      if (result?.ok !== true) throw result?.error;
      return result.value;
    },
    faults: {
      arm(after) {
        before = injector.injected;
        plan.at = injector.calls + after;
      },
      disarm() {
        plan.at = Number.POSITIVE_INFINITY;
        return injector.injected > before;
      },
    },
    isQuick: true,
  };
}

/** In its place the server is told to raise what it raises when its disk is full. */
const DISK_FULL = `do $$ begin raise exception 'injected' using errcode = '53100'; end $$`;

async function openPostgres(
  t: TestContext,
  ports: { newId: NewId; handOver: HandOver },
): Promise<FaultyStore> {
  const { store, close } = await openPostgresAlone(ports);
  t.after(close);
  let left = Number.POSITIVE_INFINITY;
  const query = pg.Client.prototype.query as (...args: unknown[]) => unknown;
  t.mock.method(pg.Client.prototype, 'query', function (this: pg.Client, ...args: unknown[]) {
    // These write nothing; where a server cannot do them the connection is gone.
    if (/^(begin|rollback)/.test(String(args[0]))) return query.apply(this, args);
    left -= 1;
    return left === -1 ? query.call(this, DISK_FULL) : query.apply(this, args);
  });
  return {
    async ask({ operation, args }) {
      return await (store[operation] as (...args: readonly unknown[]) => Promise<unknown>)(...args);
    },
    faults: {
      arm: (after) => {
        left = after;
      },
      disarm() {
        const hasFailed = left < 0;
        left = Number.POSITIVE_INFINITY;
        return hasFailed;
      },
    },
    isQuick: false,
  };
}

const keyed = (key: number) => ({ key, body: 0, keepMs: 1e9 });
const mine = { waitMs: 10, isForeign: false };
const newest = { ...mine, webhook: 0 };

/** Each call of the port is one of the calls that these are. */
const EACH_OPERATION: readonly Operation[] = [
  { kind: 'createWebhook', waitMs: 0, account: 0, events: ['*'], keyed: keyed(0), isLimited: true },
  {
    ...{ kind: 'publish', waitMs: 10, account: 0, matched: 'by the caller', keyed: keyed(1) },
    types: ['user.created', 'project.created'],
  },
  {
    ...{ kind: 'publish', waitMs: 10, account: 0, matched: 'by the store', keyed: null },
    types: ['user.updated'],
  },
  { kind: 'lookAtDue', ...newest, isStrict: false, limit: 2, bytesMax: 1e6, inMemory: [0] },
  { kind: 'lookAtCount', ...newest, max: 2 },
  { kind: 'lookAtPending', waitMs: 0, limit: 2, after: null, counts: false, oddShards: true },
  {
    kind: 'settle',
    ...newest,
    deliveries: [0, 1],
    outcome: 'retry',
    isSecondTry: true,
    isLate: false,
  },
  {
    kind: 'settle',
    ...newest,
    deliveries: [0],
    outcome: 'failed',
    isSecondTry: false,
    isLate: false,
  },
  {
    kind: 'settle',
    ...newest,
    deliveries: [0],
    outcome: 'delivered',
    isSecondTry: true,
    isLate: false,
  },
  { kind: 'cancel', ...mine, delivery: 1, keyed: keyed(2) },
  { kind: 'cancel', ...mine, delivery: 1, keyed: null },
  { kind: 'redeliver', ...mine, delivery: 0, keyed: { ...keyed(3), keepMs: 1 } },
  { kind: 'lookAtDelivery', ...mine, delivery: 1 },
  {
    ...{ kind: 'lookAtDeliveries', waitMs: 0, account: 0, webhook: 0, event: null, limit: 1 },
    ...{ status: null, type: 'user.created', afterMs: null, beforeMs: null, after: 0 },
  },
  {
    ...{ kind: 'lookAtEvents', waitMs: 0, account: 0, type: 'user.created', limit: 1 },
    ...{ afterMs: null, beforeMs: null, after: 0 },
  },
  { kind: 'lookAtEvent', ...mine, event: 0 },
  { kind: 'lookAtStats', ...newest, sinceMs: 1_000 },
  { kind: 'recover', ...newest, keyed: keyed(4), sinceMs: 1e9, untilMs: -1 },
  { kind: 'recoverStep', ...mine, recovery: 0, limit: 2 },
  { kind: 'recoverStep', ...mine, recovery: 0, limit: 3 },
  { kind: 'lookAtRecovery', ...mine, recovery: 0 },
  { kind: 'lookAtSendTimes', ...newest, sinceMs: 1_000, limit: 3 },
  { kind: 'change', ...newest, what: { url: 1 } },
  { kind: 'rotate', ...newest, keyed: keyed(5), overlapMs: 1_000 },
  { kind: 'preferNew', ...newest, isStale: false },
  { kind: 'hold', ...newest, forMs: 1_000, isOtherUrl: false },
  { kind: 'hold', ...newest, forMs: null, isOtherUrl: false },
  { kind: 'remember', ...newest, failedAttempts: 2, isOtherUrl: false },
  { kind: 'lookAtWebhook', ...newest },
  { kind: 'lookAtWebhooks', waitMs: 0, account: 0, limit: 2, after: 0 },
  { kind: 'test', ...newest, isWell: true },
  { kind: 'begin', waitMs: 0, account: 1, key: 0, keepMs: 1e9 },
  { kind: 'complete', waitMs: 0, account: 1, key: 0 },
  { kind: 'begin', waitMs: 0, account: 1, key: 1, keepMs: 1e9 },
  { kind: 'abandon', waitMs: 0, account: 1, key: 1 },
  { kind: 'forget', waitMs: 70_000 },
  { kind: 'putType', waitMs: 0, name: 'a.new_one', text: 3 },
  { kind: 'lookAtTypes', waitMs: 0, limit: 2, after: null },
  { kind: 'deleteType', waitMs: 0, name: 'a.new_one' },
  { kind: 'disable', ...newest, isOtherUrl: false },
  { kind: 'cancelPending', ...newest, limit: 1 },
  { kind: 'cancelPending', ...newest, limit: 10_000 },
  { kind: 'delete', ...newest },
];
