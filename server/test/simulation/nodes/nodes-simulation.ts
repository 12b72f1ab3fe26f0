import type { Announcements } from '../../../src/core/announcements.ts';
import { createIds } from '../../../src/core/ids.ts';
import type { Announcement, Vault } from '../../../src/core/ports.ts';
import { shardOf } from '../../../src/core/shards.ts';
import { createVault } from '../../../src/platform/vault.ts';
import type { StoreCall } from '../../../src/store/calls.ts';
import { type Seeded, seededBy } from '../../core/support/seeded.ts';
import type { Clients } from '../clients.ts';
import { createWitness } from '../commits.ts';
import { checkEnd, type EndParts } from '../ending.ts';
import { type MachineClock, SkewedClock } from '../machine-clock.ts';
import { emptyModel, type Model, type ModelExchange, newestOf } from '../model.ts';
import { Network, type Seen, type Watch } from '../network.ts';
import { BEGIN, Scheduler } from '../scheduler.ts';
import { Script } from '../script.ts';
import { stackOf, Trace } from '../trace.ts';
import { ExchangeWatch } from '../watch.ts';
import { NodeProcess } from './node-process.ts';
import { NodesDatabase } from './nodes-database.ts';
import { NodesFaults } from './nodes-faults.ts';
import { type NodesProfile, nodesProfileOf } from './nodes-profile.ts';

export interface NodesReport {
  seed: number;
  violations: readonly string[];
  trace: readonly string[];
  digest: string;
  exchanges: number;
  deliveries: number;
  duplicates: number;
  unrecorded: number;
  secondTries: number;
  crashes: number;
  /** Shards that were taken from an owner that fell or was frozen, and those that moved with nothing in progress. */
  takeOvers: number;
  moves: number;
  /** Outcomes that came too late. */
  fenced: number;
  steps: number;
  profile: NodesProfile;
}

const MINUTE_MS = 60_000;
const SETTLED_MS = 65_000;
const LATE_MS_MAX = 5_000;
const END_MS_MAX = 600 * MINUTE_MS;
const QUIET_MS = 30_000;
const DOWN_MS_MAX = 10_000;
const JOIN_MS_MAX = 3_000;
const NODES_MAX = 4;
const NOTIFIED_MS_MAX = 200;

/** One run of several nodes over one database, decided by its seed alone. */
export async function simulateNodes(seed: number, { isShown = false } = {}): Promise<NodesReport> {
  const simulation = new NodesSimulation(seed, isShown);
  const failed = (error: unknown) => simulation.trace.violated(`unhandled: ${stackOf(error)}`);
  process.on('unhandledRejection', failed);
  try {
    await simulation.run();
  } catch (error) {
    simulation.trace.violated(`the run fails: ${stackOf(error)}`);
  } finally {
    process.off('unhandledRejection', failed);
    simulation.database.close();
  }
  return simulation.report();
}

class NodesSimulation {
  readonly trace: Trace;
  readonly database: NodesDatabase;
  readonly #seed: number;
  readonly #random: Seeded;
  readonly #engineRandom: Seeded;
  readonly #scheduler = new Scheduler();
  readonly #model: Model = emptyModel();
  readonly #profile: NodesProfile;
  readonly #watch: ExchangeWatch;
  readonly #network: Network;
  readonly #script: Script;
  readonly #faults: NodesFaults;
  readonly #vault: Vault = createVault(new Uint8Array(32).fill(7));
  #nodes: NodeProcess[] = [];
  #begun = 0;
  #crashes = 0;
  #unrecorded = 0;

  constructor(seed: number, isShown: boolean) {
    const scheduler = this.#scheduler;
    const random = seededBy(seed);
    const profile = nodesProfileOf(random);
    const trace = new Trace(() => scheduler.monotonic(), isShown);
    const model = this.#model;
    const { settings, databaseClock } = profile;
    this.#seed = seed;
    this.#random = random;
    this.#engineRandom = seededBy(seed ^ 0x5bd1e995);
    this.#profile = profile;
    this.trace = trace;
    const clock = new SkewedClock(scheduler, {
      rate: databaseClock.rate,
      monotonic: 0,
      wall: BEGIN + databaseClock.aheadMs,
    });
    this.database = new NodesDatabase({
      now: () => clock.now(),
      clockOf: (nodeId) => this.#machineOf(nodeId),
      time: () => scheduler.monotonic(),
      // Of deliveries only, and there they need not be in order.
      ...{ newId: createIds({ clock: scheduler, random: this.#engineRandom }), trace, model },
      witness: createWitness(model, { clock: scheduler, trace, vault: this.#vault, ...settings }),
    });
    this.database.leftFor = (nodeId) => this.#notify(nodeId);
    this.#watch = new ExchangeWatch({
      ...{ scheduler, trace, model },
      concurrencyMax: settings.concurrencyMax,
      onGone: settings.onGone,
      mayStart: (exchange) => this.#mayStart(exchange),
      storeIsWell: () => this.#isWell(),
    });
    this.#network = new Network(scheduler, random, this.#owned(this.#watch));
    const network = this.#network;
    this.#script = new Script({ random, scheduler, model, network, profile });
    this.#faults = new NodesFaults({
      ...{ random, scheduler, trace, profile, network },
      nodes: () => this.#nodes,
      crash: (node) => this.#crash(node),
      drain: (node) => void this.#drain(node),
      join: () => this.#joinOneMore(),
    });
  }

  async run(): Promise<void> {
    const { operations, webhooks, nodes } = this.#profile;
    this.trace.say(`seed ${this.#seed} ${JSON.stringify(this.#profile)}`);
    for (const id of this.#script.accountIds()) this.#look('createAccount', { id, createdAt: 0 });
    this.#begin();
    for (let one = 1; one < nodes; one++) {
      this.#scheduler.after(JOIN_MS_MAX * this.#random.fraction(), () => this.#begin());
    }
    for (let made = 0; made < webhooks; made++) this.#do((one) => this.#script.createWebhook(one));
    await this.#pass(500);
    this.#faults.plan();
    for (let done = 0; done < operations; done++) {
      this.#do((clients) => this.#script.next(clients));
      if (this.#random.below(3) > 0) await this.#pass(this.#gap());
    }
    await this.#pass(this.#gap());
    await this.#end();
  }

  report(): NodesReport {
    const { duplicates, secondTries } = this.#watch;
    const { takeOvers, moves, fenced } = this.database;
    return {
      seed: this.#seed,
      violations: this.trace.violations,
      trace: this.trace.newest(),
      digest: this.trace.digest(),
      exchanges: this.#network.requests,
      deliveries: this.#model.deliveries.size,
      unrecorded: this.#unrecorded,
      crashes: this.#crashes,
      steps: this.#scheduler.steps,
      profile: this.#profile,
      ...{ duplicates, secondTries, takeOvers, moves, fenced },
    };
  }

  #look(operation: StoreCall['operation'], ...args: readonly unknown[]): unknown {
    const result = this.database.look({ operation, args });
    if (result?.ok !== true) throw new Error(`${operation} failed`, { cause: result?.error });
    return result.value;
  }

  #gap(): number {
    return this.#profile.gapMsMax * this.#random.fraction() ** 3;
  }

  #pass(ms: number): Promise<void> {
    return this.#scheduler.run(this.#scheduler.monotonic() + ms);
  }

  /** At one node or another. */
  #do(operation: (clients: Clients) => Promise<void> | null): void {
    const open = this.#nodes.flatMap(({ clients }) => clients ?? []);
    if (open.length === 0) return;
    operation(this.#random.pick(open))?.catch((error) =>
      this.trace.violated(`a call fails: ${stackOf(error)}`),
    );
  }

  #begin(): void {
    this.#begun += 1;
    const node = new NodeProcess(this.#begun, {
      scheduler: this.#scheduler,
      random: this.#random,
      engineRandom: this.#engineRandom,
      trace: this.trace,
      model: this.#model,
      vault: this.#vault,
      database: this.database,
      network: this.#network,
      profile: this.#profile,
      announcements: this.#announcements(),
    });
    this.trace.say(`${node.id} begins`);
    this.#nodes.push(node);
    this.#faults.begun(node);
  }

  #machineOf(nodeId: string): MachineClock {
    const node = this.#nodes.find(({ id }) => id === nodeId);
    if (node === undefined) throw new Error(`${nodeId} does not run`);
    return node.machine;
  }

  #joinOneMore(): void {
    if (this.#nodes.length < NODES_MAX) this.#begin();
  }

  #crash(node: NodeProcess): void {
    if (node.life.isOver) return;
    this.trace.say(`${node.id} falls`);
    this.#crashes += 1;
    this.#over(node);
  }

  async #drain(node: NodeProcess): Promise<void> {
    if (node.clients === null) return;
    this.trace.say(`${node.id} drains`);
    const drained = await node.drain(this.#random.below(20_000));
    this.trace.say(`${node.id} ends, drained ${drained}`);
    if (!node.life.isOver) this.#over(node);
  }

  #over(node: NodeProcess): void {
    node.end();
    this.#nodes = this.#nodes.filter((one) => one !== node);
    if (this.#nodes.length >= this.#profile.nodes) return;
    this.#scheduler.after(DOWN_MS_MAX * this.#random.fraction() ** 3, () => this.#begin());
  }

  /** Some time later, or never: it only hastens. */
  #notify(nodeId: string): void {
    if (this.#random.fraction() < this.#profile.nodeFaults.lostNotifications) return;
    this.#scheduler.after(NOTIFIED_MS_MAX * this.#random.fraction() ** 3, () => {
      const node = this.#nodes.find(({ id }) => id === nodeId);
      if (node !== undefined && !node.isFrozen) node.node.hasten();
    });
  }

  /**
   * What is sent is sent by the owner of its shard, as the rows have it at that moment: whoever is frozen,
   * cut off or late has noticed in time that it may be no more.
   */
  #owned(watch: Watch): Watch {
    return {
      sent: (seen: Seen) => {
        if (seen.trigger === 'test') return watch.sent(seen);
        const row = this.database.table.row(shardOf(seen.webhookId));
        const sender = this.#nodes.find(({ life }) => life === seen.life);
        this.trace.check(
          sender !== undefined && row.owner === sender.id,
          () => `${seen.deliveryId} is sent by ${sender?.id}, and ${row.shard} is of ${row.owner}`,
        );
        return watch.sent({ ...seen, life: this.database.lifeOf(row) });
      },
    };
  }

  #mayStart({ delivery }: ModelExchange): boolean {
    const { owner, shard } = this.database.table.row(shardOf(delivery.webhook.ref.webhookId));
    const node = this.#nodes.find(({ id }) => id === owner);
    return node !== undefined && node.clients !== null && node.node.owns(shard);
  }

  #isWell(): boolean {
    const failedAt = Math.max(
      this.#faults.lastAt,
      ...this.#nodes.map(({ store }) => store.failedAt),
    );
    return this.#scheduler.monotonic() - failedAt > MINUTE_MS;
  }

  /** Faults stop, receivers are well, and time goes on until everything has ended. */
  async #end(): Promise<void> {
    this.trace.say('nothing goes wrong any more');
    this.#faults.stop();
    this.#script.healAll();
    await this.#pass(SETTLED_MS);
    this.#watch.expectOnTime(LATE_MS_MAX);
    for (const webhook of this.#model.webhooks.values()) {
      if (newestOf(webhook).status !== 'paused') continue;
      this.#do((clients) => clients.change(webhook, { status: 'active', disabledReason: null }));
    }
    for (const accountId of this.#script.accountIds()) {
      this.#do((clients) => this.#script.publishTo(clients, accountId));
    }
    await this.#pass(1_000);
    const limit = this.#scheduler.monotonic() + END_MS_MAX;
    await this.#scheduler.run(limit, () => !this.#isPending());
    await this.#pass(QUIET_MS);
    this.#checkShares();
    this.#unrecorded = checkEnd({
      model: this.#model,
      store: { look: this.#look.bind(this) } as EndParts['store'],
      trace: this.trace,
      engines: this.#nodes.map(({ engine }) => engine),
      now: Math.min(...this.#nodes.map(({ machine }) => machine.now())),
    });
  }

  /** Each shard has an owner that runs, none has more than its share, and nothing is left to be heard. */
  #checkShares(): void {
    const { table } = this.database;
    const shares = this.#nodes.map(({ id }) => table.rowsOf(id).length);
    const most = Math.ceil(64 / this.#nodes.length);
    const isEven =
      shares.reduce((sum, share) => sum + share, 0) === 64 && shares.every((one) => one <= most);
    this.trace.check(isEven, () => `the nodes have ${shares}`);
    this.trace.check(table.wakesLeft === 0, () => `${table.wakesLeft} wakes are left`);
  }

  #isPending(): boolean {
    for (const { pending } of this.#model.webhooks.values()) if (pending.size > 0) return true;
    for (const { isDone } of this.#model.recoveries.values()) if (!isDone) return true;
    return false;
  }

  #announcements(): Announcements {
    const silent: Announcement<unknown> = { hasSubscribers: false, publish: () => {} };
    const heard = <Message>(publish: (message: Message) => void): Announcement<Message> => {
      return { hasSubscribers: true, publish };
    };
    const { trace } = this;
    return {
      attempt: silent,
      settled: silent,
      settleFailed: silent,
      transaction: silent,
      request: silent,
      webhookDisabled: silent,
      headFailed: silent,
      fenced: silent,
      unheard: heard(({ webhookId }) => trace.violated(`${webhookId} had unheard deliveries`)),
      bug: heard(({ where, error }) => trace.violated(`bug in ${where}: ${stackOf(error)}`)),
    };
  }
}
