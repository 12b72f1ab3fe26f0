import { createIds, type NewId } from '../../../src/core/ids.ts';
import type { Clock, Ownership, Wake } from '../../../src/core/ports.ts';
import { createEngine, type Engine } from '../../../src/engine/engine.ts';
import { Node, type ShardServer } from '../../../src/engine/nodes/node.ts';
import { createNodeControl } from '../../../src/engine/nodes/node-control.ts';
import { createNodeLease, type NodeLease } from '../../../src/engine/nodes/node-lease.ts';
import type { EnginePorts } from '../../../src/engine/ports.ts';
import type { Seeded } from '../../core/support/seeded.ts';
import { type ClientParts, Clients } from '../clients.ts';
import { clockOf, type Life, newLife } from '../lives.ts';
import { SkewedClock } from '../machine-clock.ts';
import type { Network } from '../network.ts';
import { BEGIN } from '../scheduler.ts';
import { SimulatedStore } from '../simulated-store.ts';
import type { NodesDatabase } from './nodes-database.ts';
import type { NodesProfile } from './nodes-profile.ts';

export interface ProcessParts extends Omit<ClientParts, 'newId'> {
  database: NodesDatabase;
  network: Network;
  profile: NodesProfile;
  engineRandom: Seeded;
  announcements: EnginePorts['announcements'];
}

const HOP_MS_MAX = 3;
const MONOTONIC_MAX = 1_000_000;
/** After the deadline of an exchange, what came of it is written. */
const RELEASE_AFTER_MS = 5_000;

/** One node from its start to its end: its engine, its loop, its connections, and those who call its API. */
export class NodeProcess {
  readonly id: string;
  /** Its clocks: they stay as they are when the process falls. */
  readonly machine: SkewedClock;
  readonly life: Life;
  readonly engine: Engine;
  readonly node: Node;
  readonly store: SimulatedStore;
  readonly lease: NodeLease;
  /** What its writes go by, kept by its connections. */
  readonly belief = new Map<number, number>();
  /** Null when its API takes nothing more. */
  clients: Clients | null;
  readonly #parts: ProcessParts;
  readonly #clock: Clock;
  readonly #newId: NewId;
  #there = 0;

  constructor(number: number, parts: ProcessParts) {
    this.id = `node${number}`;
    this.machine = newMachine(parts);
    this.life = newLife(number, {
      clock: this.machine,
      beganAt: parts.scheduler.monotonic(),
    });
    this.#newId = createIds({ clock: this.machine, random: parts.engineRandom });
    this.#parts = parts;
    this.#clock = clockOf(parts.scheduler, this.life);
    this.lease = createNodeLease(this.#clock);
    this.store = new SimulatedStore(parts, parts.database.for(this));
    this.engine = this.#createEngine();
    const ownership = this.#ownership();
    this.node = this.#createNode(ownership);
    const control = createNodeControl({
      local: this.engine,
      node: this.node,
      ownership,
      clock: this.#clock,
    });
    const store = this.store.forClients(this.life);
    this.clients = new Clients(
      { ...parts, newId: this.#newId },
      { life: this.life, store, control },
    );
    void this.node.join();
  }

  get isFrozen(): boolean {
    return this.life.frozenUntil > this.#parts.scheduler.monotonic();
  }

  /** It ends by itself; answers whether nothing was in progress. */
  async drain(limitMs: number): Promise<boolean> {
    this.clients = null;
    this.node.stay();
    this.engine.hold();
    const { abandoned, unsettled } = await this.engine.drain(limitMs);
    const drained = abandoned + unsettled === 0;
    await this.node.leave({ drained });
    return drained;
  }

  /** Nothing of it is heard any more. */
  end(): void {
    this.life.isOver = true;
    this.clients = null;
    this.#parts.database.fallen(this);
    this.store.lifeEnded();
  }

  #createEngine(): Engine {
    const { network, engineRandom, vault, announcements, profile } = this.#parts;
    const engine: Engine = createEngine(
      {
        store: this.store.forEngine(this.life, (deliveries) => engine.handOver(deliveries)),
        transport: network.transportFor(this.life),
        clock: this.#clock,
        random: engineRandom,
        lease: this.lease,
        ...{ vault, newId: this.#newId, announcements },
      },
      profile.settings,
    );
    return engine;
  }

  #createNode(ownership: Ownership): Node {
    const { announcements, profile } = this.#parts;
    const { leaseMs, settings } = profile;
    const releaseLimitMs = settings.attemptTimeoutMs + RELEASE_AFTER_MS;
    return new Node(
      {
        ...{ ownership, clock: this.#clock, lease: this.lease, announcements },
        server: this.#server(),
      },
      { id: this.id, leaseMs, releaseLimitMs },
    );
  }

  /** The engine in a thread of its own: what it is told takes its time, and arrives in that order. */
  #server(): ShardServer {
    const { engine } = this;
    const tell = async <Answer>(what: string, act: () => Promise<Answer>): Promise<Answer> => {
      this.#parts.trace.say(`${this.id} is told that it ${what}`);
      const now = this.#clock.monotonic();
      this.#there = Math.max(this.#there, now + this.#hop());
      await this.#passed(this.#there - now);
      const answer = await act();
      await this.#passed(this.#hop());
      return answer;
    };
    return {
      own: (shards) =>
        tell(`owns ${shards.map(({ shard, epoch }) => `${shard}/${epoch}`)}`, () =>
          engine.own(shards),
        ),
      release: (shards, limitMs) =>
        tell(`gives up ${shards}`, () => engine.release(shards, limitMs)),
      lose: (shards) => tell(`has lost ${shards}`, async () => engine.lose(shards)),
      woken: (wakes) =>
        tell(`has ${wakes.length} wakes`, () => {
          this.#asks(wakes);
          return engine.woken(wakes);
        }),
    };
  }

  /** As a store keeps it: its belief is told of a shard after it is owned, and of its end before that. */
  #ownership(): Ownership {
    const { store, life, belief } = this;
    const { table } = this.#parts.database;
    return {
      async renew(node) {
        const answer = await store.ask(life, 'write', () => table.renew(node));
        belief.clear();
        for (const { shard, epoch } of answer.owned) belief.set(shard, epoch);
        return answer;
      },
      async take(id, limit) {
        const taken = await store.ask(life, 'write', () => table.take(id, limit));
        for (const { shard, epoch } of taken) belief.set(shard, epoch);
        return taken;
      },
      async release(id, shards, how) {
        for (const { shard, epoch } of shards) {
          if (belief.get(shard) === epoch) belief.delete(shard);
        }
        await store.ask(life, 'write', () => table.release(id, shards, how));
      },
      leave: (id) => store.ask(life, 'write', () => table.leave(id)),
      wakes: (shards, limit) => store.ask(life, 'read', () => table.wakes(shards, limit)),
      forgetWakes: (wakes, shards) =>
        store.ask(life, 'write', () => table.forgetWakes(wakes, shards)),
      isChangeKnown: (webhook) => store.ask(life, 'read', () => table.isChangeKnown(webhook)),
    };
  }

  /** What has changed is read again now. */
  #asks(wakes: readonly Wake[]): void {
    const changed = wakes.filter(({ kind }) => kind === 'changed');
    for (const { webhookId } of changed.flatMap((one) => one.webhooks)) {
      const webhook = this.#parts.model.webhooks.get(webhookId);
      if (webhook !== undefined) webhook.askedAt = this.#parts.scheduler.monotonic();
    }
  }

  #hop(): number {
    return this.#parts.random.fraction() ** 3 * HOP_MS_MAX;
  }

  #passed(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#clock.after(ms, resolve);
    return promise;
  }
}

/** Each has clocks of its own: the monotonic one begins anywhere. */
function newMachine({ scheduler, random, profile: { clocks } }: ProcessParts): SkewedClock {
  const apart = (most: number) => most * (2 * random.fraction() - 1);
  return new SkewedClock(scheduler, {
    rate: 1 + apart(clocks.ratesApart),
    monotonic: MONOTONIC_MAX * random.fraction(),
    wall: BEGIN + apart(clocks.wallApartMs),
  });
}
