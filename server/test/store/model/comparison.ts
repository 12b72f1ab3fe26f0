import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { FIRST_EVENT_TYPES } from '../../../src/core/event-types.ts';
import { createIds, type NewId } from '../../../src/core/ids.ts';
import type { DueDelivery, HandOver, Store } from '../../../src/core/ports.ts';
import { SHARDS } from '../../../src/core/shards.ts';
import { type StoreCall, WRITES } from '../../../src/store/calls.ts';
import { openPostgresStore } from '../../../src/store/postgres/store.ts';
import { seededBy } from '../../core/support/seeded.ts';
import { migratedDatabase } from '../../support/postgres.ts';
import { bareType } from '../contract/fixtures.ts';
import { callsOf, everything, firstWebhooks, type Scene } from './calls.ts';
import { Difference } from './difference.ts';
import { type Answered, follow, followInAnyOrder, possible } from './model.ts';
import type { Operation, Together } from './operations.ts';
import { emptyState, type State } from './state.ts';

const BEGIN = Date.UTC(2023, 11, 1, 12);
/** Longer than a store waits for its database. */
const ANSWER_MS_MAX = 10_000;
/** Far more than a run takes. */
const RUN_MS = 24 * 3_600_000;
export const FIRST_TYPES = Object.entries(FIRST_EVENT_TYPES).map(([name, description]) =>
  bareType(name, description),
);

/** A store, all of whose shards are this node's under epoch 1. */
export type OpenForComparison = (ports: {
  newId: NewId;
  handOver: HandOver;
}) => Promise<{ store: Store; close(): Promise<void> }>;

/**
 * One store beside the model of it. It is opened once: each run has accounts of its own, later than
 * those of the runs before, which have to be left alone.
 */
export class Comparison {
  readonly #newId: NewId;
  #opened: Awaited<ReturnType<OpenForComparison>> | null = null;
  #handedOver: DueDelivery[] = [];
  #now = BEGIN;
  /** A call had no answer, and goes on: what comes after it shows nothing. */
  #isStuck = false;

  constructor() {
    const clock = {
      now: () => this.#now,
      monotonic: () => this.#now,
      after: () => ({ cancel() {} }),
    };
    this.#newId = createIds({ clock, random: seededBy(1) });
  }

  async open(open: OpenForComparison): Promise<this> {
    this.#opened = await open({
      newId: this.#newId,
      // Where there are nodes it says under which epoch, too.
      handOver: (deliveries) => {
        this.#handedOver.push(...deliveries.map(({ epoch, ...delivery }) => delivery));
      },
    });
    return this;
  }

  async close(): Promise<void> {
    await this.#opened?.close();
  }

  /** Throws at the first difference. */
  async run(operations: readonly Operation[]): Promise<void> {
    if (this.#isStuck) return;
    const scene = await this.#begin();
    await this.#inTurn(firstWebhooks(scene), scene);
    for (const [index, operation] of operations.entries()) {
      try {
        await this.#make(operation, scene);
      } catch (error) {
        if (error instanceof Difference) error.operations = index + 1;
        throw error;
      }
    }
    await this.#lookAtAll(scene, [scene.state]);
  }

  async #make(operation: Operation, scene: Scene): Promise<void> {
    this.#now += operation.waitMs;
    scene.now = this.#now;
    if (operation.kind === 'together') await this.#together(operation, scene);
    else await this.#inTurn(callsOf(operation, scene), scene);
  }

  /** Two accounts, the first event types, and no records of idempotency. */
  async #begin(): Promise<Scene> {
    this.#now = BEGIN + Math.ceil((this.#now + 1 - BEGIN) / RUN_MS) * RUN_MS;
    const accounts = [this.#newId('account'), this.#newId('account')] as const;
    const createdAt = this.#now;
    const known = (await this.#ask({ operation: 'eventTypeNames', args: [] })) as string[];
    const setUp: StoreCall[] = [
      ...accounts.map((id) => ({ operation: 'createAccount' as const, args: [{ id, createdAt }] })),
      ...known
        .filter((name) => !(name in FIRST_EVENT_TYPES))
        .map((name) => ({ operation: 'deleteEventType' as const, args: [name] })),
      ...FIRST_TYPES.map((type) => ({
        operation: 'putEventType' as const,
        args: [type, { max: 1_000 }],
      })),
      { operation: 'forgetExpired', args: [Number.MAX_SAFE_INTEGER, 1_000_000] },
    ];
    await Promise.all(setUp.map((call) => this.#ask(call)));
    this.#handedOver = [];
    return { state: emptyState(FIRST_TYPES), accounts, now: this.#now, newId: this.#newId };
  }

  async #inTurn(calls: readonly StoreCall[], { state, accounts }: Scene): Promise<void> {
    for (const call of calls) {
      const said = ofTheseAccounts(call, await this.#ask(call), accounts);
      follow(state, [{ call, said }], this.#takeHandedOver());
    }
  }

  /** In which of these states all is as the store shows it. */
  async #lookAtAll(scene: Scene, states: readonly State[]): Promise<State> {
    const [state] = states;
    if (state === undefined) throw new Error('there is one at least');
    const calls = everything({ ...scene, state });
    const looks = await Promise.all(
      calls.map(async (call): Promise<Answered> => {
        return { call, said: ofTheseAccounts(call, await this.#ask(call), scene.accounts) };
      }),
    );
    const [found] = possible(states, (one) => {
      follow(one, looks, []);
      return one;
    });
    return found ?? state;
  }

  /** The first call of each: what follows it would have to wait for the answer. */
  async #together({ all }: Together, scene: Scene): Promise<void> {
    const calls = withoutRepeats(all.flatMap((one) => callsOf(one, scene).slice(0, 1)));
    const ended = await Promise.allSettled(
      calls.map(async (call): Promise<Answered> => ({ call, said: await this.#ask(call) })),
    );
    const answered = ended.map((one) => {
      if (one.status === 'rejected') throw one.reason;
      return one.value;
    });
    const states = followInAnyOrder(scene.state, answered, this.#takeHandedOver());
    const [first, ...others] = states;
    if (first === undefined) throw new Error('there is one at least');
    const isKnown = others.every((other) => isDeepStrictEqual(other, first));
    scene.state = isKnown ? first : await this.#lookAtAll(scene, states);
  }

  #takeHandedOver(): DueDelivery[] {
    const taken = this.#handedOver;
    this.#handedOver = [];
    return taken;
  }

  async #ask({ operation, args }: StoreCall): Promise<unknown> {
    if (this.#opened === null) throw new Error('open it first');
    const ask = this.#opened.store[operation] as (...args: readonly unknown[]) => Promise<unknown>;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      this.#isStuck = true;
      reject(new Error('no answer'));
    }, ANSWER_MS_MAX);
    try {
      return await Promise.race([ask(...args), late]);
    } catch (cause) {
      throw new Difference(`${operation} fails: ${cause}`, { cause });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Recoveries of earlier runs may go on for ever. */
function ofTheseAccounts(
  { operation }: StoreCall,
  said: unknown,
  accounts: readonly string[],
): unknown {
  if (operation !== 'runningRecoveries') return said;
  const running = said as Awaited<ReturnType<Store['runningRecoveries']>>;
  return running.filter(({ webhook }) => accounts.includes(webhook.accountId));
}

/**
 * One owner never sends a delivery twice at once, nor does it cancel a page while attempts end: it has
 * closed the lane.
 */
function withoutRepeats(calls: readonly StoreCall[]): StoreCall[] {
  const seen = new Set<string>();
  return calls.filter(({ operation, args }) => {
    if (!WRITES[operation]) return false;
    const [first] = args as [readonly { deliveryId: string }[]];
    const names = operation === 'settle' ? first.map(({ deliveryId }) => deliveryId) : [operation];
    const isRepeat = operation === 'settle' && names.some((name) => seen.has(name));
    for (const name of names) seen.add(name);
    const isPage = operation === 'cancelPending' && args[2] !== 10_000;
    return !isRepeat && !isPage;
  });
}

/** In a database of its own, dropped at the end. */
export const openPostgresAlone: OpenForComparison = async (ports) => {
  const { url, drop } = await migratedDatabase();
  const owned = new Map<number, number>();
  const { store, ownership } = await openPostgresStore(url, { ...ports, owned, listen: null });
  const nodeId = randomBytes(8).toString('hex');
  await ownership.renew({ id: nodeId, leaseMs: 600_000 });
  for (const { shard, epoch } of await ownership.take(nodeId, SHARDS)) owned.set(shard, epoch);
  return {
    store,
    async close() {
      await store.close();
      await drop();
    },
  };
};
