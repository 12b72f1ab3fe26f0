import { PosthornError } from '../../src/core/errors.ts';
import type { NewId } from '../../src/core/ids.ts';
import type { DueDelivery, Store } from '../../src/core/ports.ts';
import { type StoreCall, storeOver } from '../../src/store/calls.ts';
import type { CallResult } from '../../src/store/sqlite/executor.ts';
import { type OpenStore, openStore } from '../../src/store/sqlite/local-store.ts';
import type { Seeded } from '../core/support/seeded.ts';
import { clockOf, type Life } from './lives.ts';
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
  /** The share of transactions of which nobody hears whether they were committed; calls apart. */
  lostAnswers: number;
  /** What has a transaction of its own does not get there; calls do. */
  isCutOff: boolean;
}

/** A call on its way into a transaction, with what its caller believed when it was put together. */
export interface SentCall {
  call: StoreCall;
  life: Life;
  belief: unknown;
}

export interface Executed {
  results: CallResult[];
  /** What those who send are told of. */
  handedOver: DueDelivery[];
}

/** What is at the other end. */
export interface Database {
  writes(call: StoreCall): boolean;
  /** What the caller goes by now. */
  belief(): unknown;
  /** Executes them, and tells the witness of each. */
  run(calls: readonly SentCall[]): Executed;
  look(call: StoreCall): CallResult | undefined;
  close(): void;
}

/** One store for one process: what becomes pending is all its own. */
export class PlainDatabase implements Database {
  readonly #store: OpenStore;
  readonly #witness: Witness;
  #made: DueDelivery[] = [];

  constructor(newId: NewId, witness: Witness) {
    this.#witness = witness;
    const handOver = (deliveries: DueDelivery[]) => void this.#made.push(...deliveries);
    this.#store = openStore(':memory:', { newId, handOver });
  }

  writes(call: StoreCall): boolean {
    return this.#store.executor.writes(call);
  }

  belief(): null {
    return null;
  }

  run(sent: readonly SentCall[]): Executed {
    const results = this.#store.executor.run(sent.map(({ call }) => call));
    const handedOver = this.#made;
    this.#made = [];
    // In the order in which it happened: what is written first, and what is read then.
    for (const isWrite of [true, false]) {
      for (const [index, { call, life }] of sent.entries()) {
        const result = results[index];
        if (result === undefined || this.writes(call) !== isWrite) continue;
        this.#witness.executed(call, result, handedOver, life);
      }
    }
    return { results, handedOver };
  }

  look(call: StoreCall): CallResult | undefined {
    return this.#store.executor.run([call])[0];
  }

  close(): void {
    this.#store.close();
  }
}

interface Sent extends SentCall {
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
  readonly faults: StoreFaults = {
    failing: 'none',
    turnMsMax: 3,
    lostHandOvers: 0,
    lostAnswers: 0,
    isCutOff: false,
  };
  /** Told after each turn which calls were executed, before their callers are. */
  turned: (operations: readonly string[]) => void = () => {};
  /** Told of what was made pending and is not handed over. */
  lost: (made: readonly DueDelivery[]) => void = () => {};
  handOversLost = 0;
  /** When a call failed last, by the monotonic clock. */
  failedAt = Number.NEGATIVE_INFINITY;
  readonly #scheduler: Scheduler;
  readonly #random: Seeded;
  readonly #trace: Trace;
  readonly #database: Database;
  #inbox: Sent[] = [];
  #isTurning = false;
  #engine: Channel | null = null;

  constructor(parts: { scheduler: Scheduler; random: Seeded; trace: Trace }, database: Database) {
    this.#scheduler = parts.scheduler;
    this.#random = parts.random;
    this.#trace = parts.trace;
    this.#database = database;
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
    const result = this.#database.look({ operation, args } as unknown as StoreCall);
    if (result?.ok !== true) throw new Error(`${operation} failed`, { cause: result?.error });
    return result.value as Awaited<ReturnType<Store[Name]>>;
  }

  /** What was on its way to the store dies with the process that sent it. */
  lifeEnded(): void {
    this.#inbox = this.#inbox.filter(({ channel }) => !channel.life.isOver);
  }

  close(): void {
    this.#database.close();
  }

  /** What the engine is told of and answered by the store waits for so long, in its order; nothing else does. */
  holdUp(ms: number): void {
    if (this.#engine === null) return;
    this.#engine.back = Math.max(this.#engine.back, this.#scheduler.monotonic() + ms);
  }

  /** A transaction of its own, beside those of the calls. */
  async ask<Answer>(life: Life, kind: 'read' | 'write', act: () => Answer): Promise<Answer> {
    // A slow store takes its time before it has done it, and before that is heard.
    const takes = () => this.#hop() + this.#random.fraction() * this.faults.turnMsMax;
    await this.#takes(life, takes());
    const { failing, isCutOff } = this.faults;
    const isFailing = isCutOff || failing === 'all' || (failing === 'writes' && kind === 'write');
    const loses = this.#random.fraction() < this.faults.lostAnswers;
    const answer = isFailing ? null : { value: act() };
    await this.#takes(life, takes());
    if (answer !== null && !loses) return answer.value;
    this.failedAt = this.#scheduler.monotonic();
    throw unavailable();
  }

  #takes(life: Life, ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    clockOf(this.#scheduler, life).after(ms, resolve);
    return promise;
  }

  #over(channel: Channel): Store {
    return storeOver(
      (call) => {
        const settle = Promise.withResolvers<unknown>();
        if (channel.life.isOver) return settle.promise;
        const { life } = channel;
        const sentAt = Math.max(this.#scheduler.monotonic(), life.frozenUntil);
        channel.there = Math.max(channel.there, sentAt + this.#hop());
        this.#scheduler.at(channel.there, () => {
          const belief = this.#database.belief();
          this.#arrived({ call, life, belief, channel, settle });
        });
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
    const { results, handedOver } = this.#execute(batch);
    for (const [index, { call }] of batch.entries()) {
      const result = results[index];
      this.#trace.say(`store ${call.operation} ${result?.ok ? 'ok' : result?.error.message}`);
    }
    this.turned(batch.map(({ call }) => call.operation));
    if (handedOver.length > 0) this.#handOver(handedOver);
    for (const [index, sent] of batch.entries()) this.#answer(sent, results[index]);
  }

  #execute(batch: readonly Sent[]): Executed {
    const { failing } = this.faults;
    const isFailing = ({ call }: Sent) =>
      failing === 'all' || (failing === 'writes' && this.#database.writes(call));
    const { results, handedOver } = this.#database.run(batch.filter((one) => !isFailing(one)));
    const all = batch.map((one): CallResult => {
      if (isFailing(one)) {
        this.failedAt = this.#scheduler.monotonic();
        return { ok: false, error: unavailable(), trouble: 'unavailable' };
      }
      const result = results.shift();
      if (result === undefined) throw new Error('every call has a result');
      return result;
    });
    return { results: all, handedOver };
  }

  #handOver(made: DueDelivery[]): void {
    const channel = this.#engine;
    if (channel === null || channel.life.isOver) return;
    if (this.#random.fraction() < this.faults.lostHandOvers) {
      this.#trace.say(`hand-over of ${made.length} is lost`);
      this.handOversLost += made.length;
      this.lost(made);
      return;
    }
    this.#back(channel, () => channel.handOver?.(made));
  }

  #arrive(life: Life, arrive: () => void): void {
    if (life.isOver) return;
    if (life.frozenUntil > this.#scheduler.monotonic()) {
      this.#scheduler.at(life.frozenUntil, () => this.#arrive(life, arrive));
    } else arrive();
  }

  #answer({ channel, settle }: Sent, result: CallResult | undefined): void {
    this.#back(channel, () => {
      if (result?.ok) settle.resolve(result.value);
      else settle.reject(result?.error);
    });
  }

  #back(channel: Channel, arrive: () => void): void {
    channel.back = Math.max(channel.back, this.#scheduler.monotonic() + this.#hop());
    this.#scheduler.at(channel.back, () => this.#arrive(channel.life, arrive));
  }
}

function unavailable(): PosthornError {
  return new PosthornError('store_unavailable', 'It fails by order of the simulation.');
}
