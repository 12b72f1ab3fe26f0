import type { Announcements } from '../../src/core/announcements.ts';
import { createIds, type NewId } from '../../src/core/ids.ts';
import type { Announcement, Vault } from '../../src/core/ports.ts';
import { createEngine, type Engine } from '../../src/engine/engine.ts';
import { ALWAYS_VALID } from '../../src/engine/lease.ts';
import { createVault } from '../../src/platform/vault.ts';
import { type Seeded, seededBy } from '../core/support/seeded.ts';
import { wholeRun } from '../engine/support/settings.ts';
import { Clients } from './clients.ts';
import { createWitness } from './commits.ts';
import { checkEnd } from './ending.ts';
import { Faults } from './faults.ts';
import { clockOf, type Life, newLife } from './lives.ts';
import { emptyModel, type Model, newestOf } from './model.ts';
import { Network } from './network.ts';
import { wasLost } from './pending.ts';
import { type Profile, profileOf } from './profile.ts';
import { Scheduler } from './scheduler.ts';
import { Script } from './script.ts';
import { PlainDatabase, SimulatedStore } from './simulated-store.ts';
import { stackOf, Trace } from './trace.ts';
import { ExchangeWatch } from './watch.ts';

export interface Report {
  seed: number;
  violations: readonly string[];
  /** The newest lines of what happened. */
  trace: readonly string[];
  /** Of everything that happened: two runs of a seed have the same. */
  digest: string;
  exchanges: number;
  deliveries: number;
  /** Sent again, because a crash left no record of what was in progress. */
  duplicates: number;
  /** Exchanges that a crash left without an attempt. */
  unrecorded: number;
  secondTries: number;
  crashes: number;
  handOversLost: number;
  steps: number;
  profile: Profile;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** After the last fault: what was in progress has ended, and a clock that was set has been looked at. */
const SETTLED_MS = 65_000;
/** When nothing is wrong any more, a delivery starts so soon after it is due. */
const LATE_MS_MAX = 5_000;
const END_MS_MAX = 3 * DAY_MS;
/** After everything has ended, nothing of it happens again. */
const QUIET_MS = 5 * MINUTE_MS;

/** One run, decided by its seed alone. */
export async function simulate(seed: number, { isShown = false } = {}): Promise<Report> {
  const simulation = new Simulation(seed, isShown);
  const failed = (error: unknown) => simulation.trace.violated(`unhandled: ${stackOf(error)}`);
  process.on('unhandledRejection', failed);
  try {
    await simulation.run();
  } catch (error) {
    simulation.trace.violated(`the run fails: ${stackOf(error)}`);
  } finally {
    process.off('unhandledRejection', failed);
    simulation.store.close();
  }
  return simulation.report();
}

class Simulation {
  readonly trace: Trace;
  readonly store: SimulatedStore;
  readonly #seed: number;
  readonly #random: Seeded;
  readonly #engineRandom: Seeded;
  readonly #scheduler = new Scheduler();
  readonly #model: Model = emptyModel();
  readonly #profile: Profile;
  readonly #network: Network;
  readonly #watch: ExchangeWatch;
  readonly #script: Script;
  readonly #faults: Faults;
  readonly #vault: Vault = createVault(new Uint8Array(32).fill(7));
  readonly #newId: NewId;
  #life: Life;
  #engine: Engine | null = null;
  #clients: Clients | null = null;
  #isDraining = false;
  #crashes = 0;
  #unrecorded = 0;

  constructor(seed: number, isShown: boolean) {
    this.#seed = seed;
    this.#random = seededBy(seed);
    this.#engineRandom = seededBy(seed ^ 0x5bd1e995);
    const scheduler = this.#scheduler;
    const trace = new Trace(() => scheduler.monotonic(), isShown);
    const model = this.#model;
    const random = this.#random;
    const profile = profileOf(random);
    this.trace = trace;
    this.#profile = profile;
    this.#life = this.#newLife(0);
    this.#newId = createIds({ clock: scheduler, random: this.#engineRandom });
    const { settings } = profile;
    this.store = new SimulatedStore(
      { scheduler, random, trace },
      new PlainDatabase(
        this.#newId,
        createWitness(model, { clock: scheduler, trace, vault: this.#vault, ...settings }),
      ),
    );
    this.store.lost = (made) => {
      for (const delivery of made) wasLost(delivery, model, settings);
    };
    this.#watch = new ExchangeWatch({
      scheduler,
      trace,
      model,
      concurrencyMax: settings.concurrencyMax,
      onGone: settings.onGone,
      // There are no second tries any more once a drain has begun.
      mayStart: () => !this.#isDraining,
      storeIsWell: () => scheduler.monotonic() - this.store.failedAt > MINUTE_MS,
    });
    this.#network = new Network(scheduler, random, this.#watch);
    const network = this.#network;
    this.#script = new Script({ random, scheduler, model, network, profile });
    this.#faults = new Faults(
      { random, scheduler, trace, profile, store: this.store, network },
      { crash: () => this.#crash(), drain: () => void this.#drain() },
    );
  }

  async run(): Promise<void> {
    const { operations, webhooks } = this.#profile;
    this.trace.say(`seed ${this.#seed} ${JSON.stringify(this.#profile)}`);
    this.#begin();
    for (const id of this.#script.accountIds()) {
      this.store.look('createAccount', { id, createdAt: 0 });
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

  report(): Report {
    const { duplicates, secondTries } = this.#watch;
    return {
      seed: this.#seed,
      violations: this.trace.violations,
      trace: this.trace.newest(),
      digest: this.trace.digest(),
      exchanges: this.#network.requests,
      deliveries: this.#model.deliveries.size,
      duplicates,
      unrecorded: this.#unrecorded,
      secondTries,
      crashes: this.#crashes,
      handOversLost: this.store.handOversLost,
      steps: this.#scheduler.steps,
      profile: this.#profile,
    };
  }

  #gap(): number {
    return this.#profile.gapMsMax * this.#random.fraction() ** 3;
  }

  #pass(ms: number): Promise<void> {
    return this.#scheduler.run(this.#scheduler.monotonic() + ms);
  }

  #do(operation: (clients: Clients) => Promise<void> | null): void {
    if (this.#clients === null) return;
    operation(this.#clients)?.catch((error) =>
      this.trace.violated(`a call fails: ${stackOf(error)}`),
    );
  }

  /** A process starts: over the same store, with nothing in memory. */
  #begin(): void {
    const life = this.#newLife(this.#life.number + 1);
    this.trace.say(`life ${life.number}`);
    this.#life = life;
    this.#isDraining = false;
    // Whatever is stored is what this engine goes by, and counts.
    for (const webhook of this.#model.webhooks.values()) {
      webhook.unheard.clear();
      webhook.acknowledged = webhook.versions.length - 1;
    }
    const engine: Engine = createEngine(
      {
        store: this.store.forEngine(life, (deliveries) => engine.handOver(deliveries)),
        transport: this.#network.transportFor(life),
        clock: clockOf(this.#scheduler, life),
        random: this.#engineRandom,
        vault: this.#vault,
        newId: this.#newId,
        announcements: this.#announcements(),
        lease: ALWAYS_VALID,
      },
      this.#profile.settings,
    );
    this.#engine = engine;
    const store = this.store.forClients(life);
    const parts = {
      scheduler: this.#scheduler,
      random: this.#random,
      trace: this.trace,
      model: this.#model,
      vault: this.#vault,
      newId: this.#newId,
    };
    this.#clients = new Clients(parts, { life, store, control: engine });
    const start = async () => {
      const { drained } = await store.beginRun();
      await engine.own(wholeRun({ afterCrash: !drained }));
    };
    // A process that cannot start ends, and is started again.
    start().catch(() => this.#crash());
  }

  #newLife(number: number): Life {
    const clock = this.#scheduler;
    return newLife(number, { clock, beganAt: clock.monotonic() });
  }

  /** Nothing of this process is heard any more; what is committed stays. */
  #crash(): void {
    const life = this.#life;
    if (life.isOver) return;
    this.trace.say(`life ${life.number} falls`);
    this.#crashes += 1;
    this.#over(life);
  }

  #over(life: Life): void {
    life.isOver = true;
    this.#engine = null;
    this.#clients = null;
    this.store.lifeEnded();
    const downMs = 10_000 * this.#random.fraction() ** 3;
    this.#scheduler.after(downMs, () => this.#begin());
  }

  async #drain(): Promise<void> {
    const life = this.#life;
    const engine = this.#engine;
    if (engine === null) return;
    this.trace.say(`life ${life.number} drains`);
    this.#clients = null;
    this.#isDraining = true;
    engine.hold();
    const { abandoned, unsettled } = await engine.drain(this.#random.below(20_000));
    const isClean = abandoned + unsettled === 0;
    if (isClean) {
      try {
        await this.store.forClients(life).endRun();
        life.wasDrained = true;
      } catch {
        // The next start takes this for a crash.
      }
    }
    this.trace.say(`life ${life.number} ends with ${abandoned} and ${unsettled}`);
    if (!life.isOver) this.#over(life);
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
    this.#unrecorded = checkEnd({
      model: this.#model,
      store: this.store,
      trace: this.trace,
      engines: this.#engine === null ? [] : [this.#engine],
      now: this.#scheduler.now(),
    });
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
      webhookDisabled: heard(({ webhookId, reason }) =>
        trace.say(`${webhookId} disabled: ${reason}`),
      ),
      headFailed: silent,
      fenced: silent,
      unheard: heard(({ webhookId }) => {
        if (this.store.handOversLost === 0) trace.violated(`${webhookId} had unheard deliveries`);
        else trace.say(`${webhookId} had unheard deliveries`);
      }),
      bug: heard(({ where, error }) => trace.violated(`bug in ${where}: ${stackOf(error)}`)),
    };
  }
}
