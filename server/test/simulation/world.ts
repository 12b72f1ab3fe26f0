import { createHash } from 'node:crypto';
import type { Announcements } from '../../src/core/announcements.ts';
import { covers } from '../../src/core/event-types.ts';
import { createIds, DEFAULT_ACCOUNT_ID, type NewId } from '../../src/core/ids.ts';
import type { Delivery, Webhook, WebhookSettings } from '../../src/core/model.ts';
import type { Store, WebhookChanges, WebhookRef } from '../../src/core/ports.ts';
import { secretPlace } from '../../src/core/secret-place.ts';
import { createEngine, type Engine } from '../../src/engine/engine.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createLocalStore } from '../../src/store/sqlite/local-store.ts';
import { createFakeClock, type FakeClock, settled } from '../engine/support/fake-clock.ts';
import { engineSettings } from '../engine/support/settings.ts';
import { webhookOf } from '../store/contract/fixtures.ts';
import type { Chance } from './chance.ts';
import { createNetwork, type Network, type Seen } from './network.ts';
import { FAIR, type StoreWeather, simulatedStore } from './simulated-store.ts';

export const SCHEDULE_MS = [0, 2_000, 10_000, 60_000] as const;
export const ATTEMPT_TIMEOUT_MS = 15_000;
const TYPES = ['user.created', 'user.updated', 'project.created'] as const;

/** What the engine has acknowledged of a webhook; while a change is under way, several hold. */
export interface Acknowledged {
  status: Webhook['status'] | 'deleted';
  url: string;
  /** The secret that the legacy signature may be made with. */
  isChanging: boolean;
}

/** An event that was accepted, and who had to get it. */
export interface Accepted {
  eventId: string;
  webhookIds: readonly string[];
}

/** The real engine over the real store, in a world that is made of one seed. */
export interface World {
  chance: Chance;
  clock: FakeClock;
  network: Network;
  store: Store;
  newId: NewId;
  readonly engine: Engine;
  webhooks: Webhook[];
  acknowledged: Map<string, Acknowledged>;
  cancelled: Set<string>;
  accepted: Accepted[];
  crashes: number;
  faults: string[];
  /** The wall clock was set: due times follow it, and are not held against the schedule. */
  hasJumped: boolean;
  /** Webhooks whose hold somebody ended, by another URL or a test. */
  endsHolds: Set<string>;
  /** Webhooks whose order or rate was changed on the way: what they were held to is not known for sure. */
  changesSettings: Set<string>;
  sky: { weather: StoreWeather };
  addWebhook(settings: Partial<WebhookSettings>, events: readonly string[]): Promise<void>;
  publish(count: number): Promise<void>;
  /** Changes a webhook as the API does; an engine that cannot acknowledge leaves the change under way. */
  change(webhook: Webhook, changes: WebhookChanges): Promise<void>;
  remove(webhook: Webhook): Promise<void>;
  rotate(webhook: Webhook, overlapMs: number | null): Promise<void>;
  /** Brings back everything that this webhook has missed so far. */
  recover(webhook: Webhook): Promise<void>;
  cancel(delivery: Delivery): Promise<void>;
  crash(options?: { losesHandOver?: boolean }): Promise<void>;
  deliveriesOf(webhook: Webhook): Promise<Delivery[]>;
  /** Tells runs apart: the same seed gives the same. */
  trace(): string;
  close(): Promise<void>;
}

export async function openWorld(chance: Chance): Promise<World> {
  const clock = createFakeClock();
  const network = createNetwork(clock, chance);
  const vault = createVault(new Uint8Array(32).fill(7));
  const newId = createIds({ clock, random: chance });
  let losesHandOver = false;
  let life = { isOver: false };
  const store = createLocalStore(':memory:', {
    newId,
    handOver: (deliveries) => {
      if (!losesHandOver) engine.handOver(deliveries);
    },
  });
  const sky: World['sky'] = { weather: FAIR };
  let engine = newLife();
  await engine.start({ afterCrash: true, owns: () => true });

  const world: World = {
    chance,
    clock,
    network,
    store,
    newId,
    get engine() {
      return engine;
    },
    webhooks: [],
    acknowledged: new Map(),
    cancelled: new Set(),
    accepted: [],
    crashes: 0,
    faults: [],
    hasJumped: false,
    endsHolds: new Set(),
    changesSettings: new Set(),
    sky,

    async addWebhook(settings, events) {
      const made = webhookOf(DEFAULT_ACCOUNT_ID, newId('webhook'), clock.now());
      const secretSealed = vault.seal('secret_of_a_webhook', secretPlace(refOf(made)));
      const webhook = {
        ...made,
        secretSealed,
        events,
        settings: { ...made.settings, ...settings },
      };
      await store.createWebhook(webhook, { perAccountMax: 1_000 });
      world.webhooks.push(webhook);
      const { url } = webhook;
      world.acknowledged.set(webhook.id, { status: 'active', url, isChanging: false });
    },

    async publish(count) {
      const createdAt = clock.now();
      const events = Array.from({ length: count }, () => {
        const id = newId('event');
        const type = chance.pick(TYPES);
        const body = `{"id":"${id}","filler":"${'x'.repeat(chance.below(200))}"}`;
        return { accountId: DEFAULT_ACCOUNT_ID, id, type, createdAt, body, deliveries: [] };
      });
      // Read in the batch of the publish, and behind its writes: what Posthorn disables meanwhile is out.
      const [subscribed] = await Promise.all([
        store.subscriptions(DEFAULT_ACCOUNT_ID),
        store.publish({ accountId: DEFAULT_ACCOUNT_ID, webhooksVersion: null, events }),
      ]);
      for (const { id, type } of events) {
        const wanting = subscribed.webhooks.filter(({ events }) =>
          events.some((one) => covers(one, type)),
        );
        world.accepted.push({ eventId: id, webhookIds: wanting.map(({ id }) => id) });
      }
    },

    async change(webhook, changes) {
      const acknowledged = acknowledgedOf(world, webhook.id);
      acknowledged.isChanging = true;
      const after = await store.updateWebhook(webhook.accountId, webhook.id, changes, clock.now());
      if (after === null) return;
      Object.assign(webhook, after);
      await acknowledge(webhook, { status: after.status, url: after.url });
    },

    async remove(webhook) {
      acknowledgedOf(world, webhook.id).isChanging = true;
      await store.deleteWebhook(webhook.accountId, webhook.id, clock.now());
      world.webhooks = world.webhooks.filter(({ id }) => id !== webhook.id);
      await acknowledge(webhook, { status: 'deleted', url: webhook.url });
    },

    rotate(webhook, overlapMs) {
      const sealed = vault.seal(newId('webhook').padEnd(24, 'x'), secretPlace(refOf(webhook)));
      const overlapUntil = overlapMs === null ? null : clock.now() + overlapMs;
      return world.change(webhook, { secret: { sealed, hint: 'xxxx', overlapUntil } });
    },

    async recover(webhook) {
      const ref = refOf(webhook);
      const id = newId('recovery');
      const [since, until] = [clock.now() - 86_400_000, clock.now() + 86_400_000];
      const made = await store.createRecovery({
        ...ref,
        ...{ id, since, until, status: 'running', deliveryCount: 0 },
        ...{ createdAt: clock.now(), endedAt: null },
      });
      if ('result' in made && made.result === 'created') await engine.recoveryCreated(ref, id);
    },

    async cancel({ accountId, id, webhookId }) {
      const ended = await store.cancelDelivery({ accountId, deliveryId: id, reason: 'requested' });
      if (!('result' in ended) || typeof ended.result === 'string') return;
      const cancelling = engine.deliveryCancelled({ accountId, webhookId }, id);
      await within(cancelling, () => world.cancelled.add(id));
    },

    async crash(options = {}) {
      losesHandOver = options.losesHandOver ?? false;
      if (losesHandOver) await world.publish(chance.between(1, 5));
      losesHandOver = false;
      life.isOver = true;
      world.crashes += 1;
      network.life += 1;
      life = { isOver: false };
      engine = newLife();
      // A start that meets a store that is away is made again, as a process manager would.
      for (let isStarted = false; !isStarted; ) {
        const starting = engine.start({ afterCrash: true, owns: () => true });
        let isOver = false;
        starting.then(
          () => (isOver = isStarted = true),
          () => (isOver = true),
        );
        for (let step = 0; step < 200 && !isOver; step++) await clock.advance(50);
      }
    },

    async deliveriesOf({ accountId, id: webhookId }) {
      const all: Delivery[] = [];
      let after: string | undefined;
      for (let hasMore = true; hasMore; ) {
        const page = await store.listDeliveries(accountId, { webhookId }, { limit: 100, after });
        all.push(...page.items);
        ({ hasMore } = page);
        after = page.end ?? undefined;
      }
      return all.reverse();
    },

    trace() {
      const hash = createHash('sha256');
      for (const { deliveryId, attempt, startedAt } of network.seen) {
        hash.update(`${deliveryId} ${attempt} ${startedAt}\n`);
      }
      return hash.digest('hex');
    },

    async close() {
      life.isOver = true;
      await store.close();
    },
  };
  network.began = (seen) => checkStart(world, seen);
  return world;

  function newLife(): Engine {
    const own = life;
    const whileAlive = (call: () => void) => () => {
      if (!own.isOver) call();
    };
    return createEngine(
      {
        clock: {
          now: () => clock.now(),
          monotonic: () => clock.monotonic(),
          after: (ms, call) => clock.after(ms, whileAlive(call)),
        },
        store: simulatedStore(
          store,
          { clock, chance },
          { weather: () => sky.weather, isOver: () => own.isOver },
        ),
        transport: network.transport,
        random: chance,
        vault,
        newId,
        announcements: announcements(),
      },
      engineSettings({ schedule: SCHEDULE_MS, attemptTimeoutMs: ATTEMPT_TIMEOUT_MS }),
    );
  }

  async function acknowledge(
    webhook: Webhook,
    now: Pick<Acknowledged, 'status' | 'url'>,
  ): Promise<void> {
    await within(engine.webhookChanged(refOf(webhook)), () => {
      Object.assign(acknowledgedOf(world, webhook.id), { ...now, isChanging: false });
    });
  }

  /** As the API waits: two seconds, and then the change is still under way. */
  async function within(done: Promise<void>, then: () => void): Promise<void> {
    let isDone = false;
    done.then(
      () => {
        isDone = true;
        then();
      },
      () => {},
    );
    for (let step = 0; step < 20 && !isDone; step++) {
      await settled();
      if (!isDone) await clock.advance(100);
    }
  }

  function announcements(): Announcements {
    const silent = { hasSubscribers: false, publish: () => {} };
    return {
      attempt: silent,
      settled: silent,
      settleFailed: silent,
      transaction: silent,
      headFailed: silent,
      request: silent,
      bug: {
        hasSubscribers: true,
        publish: ({ error }) => void world.faults.push(`bug: ${error}`),
      },
      unheard: {
        hasSubscribers: true,
        publish: ({ webhookId }) => void world.faults.push(`${webhookId} had not heard`),
      },
      webhookDisabled: {
        hasSubscribers: true,
        publish: ({ webhookId }) => {
          const webhook = world.webhooks.find(({ id }) => id === webhookId);
          if (webhook !== undefined) webhook.status = 'disabled';
          acknowledgedOf(world, webhookId).status = 'disabled';
        },
      },
    };
  }
}

/** What must hold whenever an exchange begins. */
function checkStart(world: World, seen: Seen): void {
  if (seen.trigger === 'test') return;
  const { status, url, isChanging } = acknowledgedOf(world, seen.webhookId);
  const say = (what: string) =>
    world.faults.push(`${seen.deliveryId} at ${seen.startedAt}: ${what}`);
  if (world.cancelled.has(seen.deliveryId)) say('it was cancelled');
  if (isChanging) return;
  if (status !== 'active') say(`its webhook is ${status}`);
  if (seen.url !== url) say(`${seen.url} is not where its webhook is`);
}

function acknowledgedOf(world: World, webhookId: string): Acknowledged {
  const found = world.acknowledged.get(webhookId);
  if (found === undefined) throw new Error(`nobody made ${webhookId}`);
  return found;
}

export function refOf({ accountId, id: webhookId }: Webhook): WebhookRef {
  return { accountId, webhookId };
}
