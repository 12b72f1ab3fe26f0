import { PosthornError } from '../../src/core/errors.ts';
import type { NewId } from '../../src/core/ids.ts';
import type { DueDelivery, Store } from '../../src/core/ports.ts';
import { type StoreCall, storeOver } from '../../src/store/calls.ts';
import type { CallResult } from '../../src/store/sqlite/executor.ts';
import { type OpenStore, openStore } from '../../src/store/sqlite/local-store.ts';
import type { Seeded } from '../core/support/seeded.ts';
import type { Life } from './lives.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

/** Whoever is told of each call that the store has executed, at that very moment, before anybody else. */
export interface Witness {
  executed(call: StoreCall, result: CallResult, made: readonly DueDelivery[], life: Life): void;
}

export interface StoreFaults {
  /** Which calls fail now. */
  failing: 'none' | 'writes' | 'all';
  /** How long a turn of the store may take. */
  turnMsMax: number;
  /** The share of hand-overs that get lost. */
  lostHandOvers: number;
}

interface Sent {
  call: StoreCall;
  channel: Channel;
  settle: PromiseWithResolvers<unknown>;
}

/** Messages between two threads arrive in the order in which they were sent. */
interface Channel {
  life: Life;
  there: number;
  back: number;
  handOver: ((deliveries: DueDelivery[]) => void) | null;
}

const HOP_MS_MAX = 2;
/** One of so many messages finds the other thread busy with something else. */
const BUSY_EVERY = 50;
const BUSY_MS_MAX = 100;

/**
 * The real store behind two channels, as in the store thread: calls take their time to get there, those
 * that wait together share a transaction, and answers take their time to come back. What is committed is
 * never lost; whoever would have heard of it may be dead by then.
 */
export class SimulatedStore {
  readonly faults: StoreFaults = { failing: 'none', turnMsMax: 3, lostHandOvers: 0 };
  /** Told after each turn which calls were executed, before their callers are. */
  turned: (operations: readonly string[]) => void = () => {};
  handOversLost = 0;
  /** When a call failed last, by the monotonic clock. */
  failedAt = Number.NEGATIVE_INFINITY;
  readonly #scheduler: Scheduler;
  readonly #random: Seeded;
  readonly #trace: Trace;
  readonly #witness: Witness;
  readonly #store: OpenStore;
  #inbox: Sent[] = [];
  #made: DueDelivery[] = [];
  #isTurning = false;
  #engine: Channel | null = null;

  constructor(
    parts: { scheduler: Scheduler; random: Seeded; trace: Trace; newId: NewId },
    witness: Witness,
  ) {
    this.#scheduler = parts.scheduler;
    this.#random = parts.random;
    this.#trace = parts.trace;
    this.#witness = witness;
    this.#store = openStore(':memory:', {
      newId: parts.newId,
      handOver: (deliveries) => this.#made.push(...deliveries),
    });
  }

  /** For the engine of this life; what becomes pending is handed over to it. */
  forEngine(life: Life, handOver: (deliveries: DueDelivery[]) => void): Store {
    this.#engine = { life, there: 0, back: 0, handOver };
    return this.#over(this.#engine);
  }

  forClients(life: Life): Store {
    return this.#over({ life, there: 0, back: 0, handOver: null });
  }

  /** What the store would answer now; not a part of the simulation. */
  look<Name extends keyof Store>(
    operation: Name,
    ...args: Parameters<Store[Name]>
  ): Awaited<ReturnType<Store[Name]>> {
    const [result] = this.#store.executor.run([{ operation, args } as unknown as StoreCall]);
    if (result?.ok !== true) throw new Error(`${operation} failed`, { cause: result?.error });
    return result.value as Awaited<ReturnType<Store[Name]>>;
  }

  /** What was on its way to the store dies with the process that sent it. */
  lifeEnded(): void {
    this.#inbox = this.#inbox.filter(({ channel }) => !channel.life.isOver);
  }

  close(): void {
    this.#store.close();
  }

  #over(channel: Channel): Store {
    return storeOver(
      (call) => {
        const settle = Promise.withResolvers<unknown>();
        if (channel.life.isOver) return settle.promise;
        channel.there = Math.max(channel.there, this.#scheduler.monotonic() + this.#hop());
        this.#scheduler.at(channel.there, () => this.#arrived({ call, channel, settle }));
        return settle.promise;
      },
      async () => {},
    );
  }

  #hop(): number {
    const isBusy = this.#random.below(BUSY_EVERY) === 0;
    return this.#random.fraction() ** 3 * (isBusy ? BUSY_MS_MAX : HOP_MS_MAX);
  }

  #arrived(sent: Sent): void {
    if (sent.channel.life.isOver) return;
    this.#inbox.push(sent);
    if (this.#isTurning) return;
    this.#isTurning = true;
    const takesMs = this.#random.fraction() * this.faults.turnMsMax;
    this.#scheduler.after(takesMs, () => this.#turn());
  }

  #turn(): void {
    this.#isTurning = false;
    const batch = this.#inbox;
    this.#inbox = [];
    if (batch.length === 0) return;
    const results = this.#execute(batch.map(({ call }) => call));
    const made = this.#made;
    this.#made = [];
    // In the order in which it happened: what is written first, and what is read then.
    const { writes } = this.#store.executor;
    for (const isWrite of [true, false]) {
      for (const [index, { call, channel }] of batch.entries()) {
        const result = results[index];
        if (result === undefined || writes(call) !== isWrite) continue;
        this.#trace.say(`store ${call.operation} ${result.ok ? 'ok' : result.error.message}`);
        this.#witness.executed(call, result, made, channel.life);
      }
    }
    this.turned(batch.map(({ call }) => call.operation));
    if (made.length > 0) this.#handOver(made);
    for (const [index, sent] of batch.entries()) this.#answer(sent, results[index]);
  }

  #execute(calls: readonly StoreCall[]): CallResult[] {
    const { failing } = this.faults;
    const { executor } = this.#store;
    const isFailing = (call: StoreCall) =>
      failing === 'all' || (failing === 'writes' && executor.writes(call));
    const done = executor.run(calls.filter((call) => !isFailing(call)));
    return calls.map((call) => {
      if (isFailing(call)) {
        this.failedAt = this.#scheduler.monotonic();
        return { ok: false, error: unavailable(), trouble: 'unavailable' };
      }
      const result = done.shift();
      if (result === undefined) throw new Error('every call has a result');
      return result;
    });
  }

  #handOver(made: DueDelivery[]): void {
    const channel = this.#engine;
    if (channel === null || channel.life.isOver) return;
    if (this.#random.fraction() < this.faults.lostHandOvers) {
      this.#trace.say(`hand-over of ${made.length} is lost`);
      this.handOversLost += made.length;
      return;
    }
    this.#back(channel, () => channel.handOver?.(made));
  }

  #answer({ channel, settle }: Sent, result: CallResult | undefined): void {
    this.#back(channel, () => {
      if (result?.ok) settle.resolve(result.value);
      else settle.reject(result?.error);
    });
  }

  #back(channel: Channel, arrive: () => void): void {
    channel.back = Math.max(channel.back, this.#scheduler.monotonic() + this.#hop());
    this.#scheduler.at(channel.back, () => {
      if (!channel.life.isOver) arrive();
    });
  }
}

function unavailable(): PosthornError {
  return new PosthornError('store_unavailable', 'It fails by order of the simulation.');
}
