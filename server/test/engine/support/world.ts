import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Announcements, AttemptEnded } from '../../../src/core/announcements.ts';
import { createIds, DEFAULT_ACCOUNT_ID, type NewId } from '../../../src/core/ids.ts';
import type { Delivery, LaneHealth, LaneMemory, Webhook } from '../../../src/core/model.ts';
import type {
  Announcement,
  Clock,
  Store,
  Transport,
  WebhookChanges,
  WebhookRef,
} from '../../../src/core/ports.ts';
import { secretPlace } from '../../../src/core/secret-place.ts';
import { createEngine, type Engine } from '../../../src/engine/engine.ts';
import type { EngineSettings } from '../../../src/engine/ports.ts';
import { createVault } from '../../../src/platform/vault.ts';
import { createLocalStore } from '../../../src/store/sqlite/local-store.ts';
import { type Seeded, seeded } from '../../core/support/seeded.ts';
import { webhookOf } from '../../store/contract/fixtures.ts';
import { createFakeClock, type FakeClock, settled } from './fake-clock.ts';
import { createFakeTransport, type FakeTransport } from './fake-transport.ts';
import { engineSettings, WHOLE_RUN, wholeRun } from './settings.ts';

export const ATTEMPT_TIMEOUT_MS = 15_000;
export const SECRET = 'your_webhook_secret';

/** The engine over the real store in memory; clock, randomness and network are fakes. */
export interface World {
  clock: FakeClock;
  transport: FakeTransport;
  random: Seeded;
  newId: NewId;
  /** The store as the API sees it. */
  store: Store;
  /** The store as the engine sees it: calls can be kept waiting or made to fail. */
  faults: Faults;
  readonly engine: Engine;
  /** Whether the engine may start anything. */
  lease: { holds: boolean };
  heard: Heard;
  /** Its receiver is known to be well, unless it is said otherwise. */
  webhook(fields?: Partial<Webhook>, health?: LaneHealth): Promise<Webhook>;
  /** Publishes so many events of a type; answers the ids of the events. */
  publish(count?: number, type?: string): Promise<string[]>;
  /** Changes a webhook as the API does; returns when the engine has acknowledged it. */
  change(webhook: Webhook, status: Webhook['status']): Promise<void>;
  patch(webhook: Webhook, changes: WebhookChanges): Promise<void>;
  /** The secret of every webhook, as it is kept for this one. */
  seal(webhook: WebhookRef): string;
  /** A new secret, and the one before beside it for so long. */
  rotate(webhook: Webhook, secret: string, overlapMs?: number): Promise<void>;
  remove(webhook: Webhook): Promise<void>;
  deliveriesOf(webhook: Webhook): Promise<Delivery[]>;
  /** Another engine over the same store, as after a crash; the old one hears nothing any more. */
  restart(): Promise<void>;
  /** Another engine after this one was drained, with nothing in progress. */
  restartCleanly(): Promise<void>;
}

/** What the engine announced. */
export interface Heard {
  attempts: AttemptEnded[];
  settleFailed: number;
  disabled: string[];
  headsFailed: string[];
  unheard: string[];
  fenced: string[];
}

export function nothingHeard(): Heard {
  return { attempts: [], settleFailed: 0, disabled: [], headsFailed: [], unheard: [], fenced: [] };
}

/** What happens around the engine's calls to the store; a promise holds the call up. */
export interface Faults {
  /** Before the store is asked; what it throws is the call's failure. */
  before: (operation: keyof Store) => Promise<void> | void;
  /** Between the store's answer and the engine. */
  after: (operation: keyof Store) => Promise<void> | void;
  /** What the store's answer becomes; undefined: it is asked. */
  instead: (operation: keyof Store, args: readonly unknown[]) => unknown;
}

export interface WorldOptions {
  settings?: Partial<EngineSettings>;
}

export async function openWorld(t: TestContext, options: WorldOptions = {}): Promise<World> {
  const clock = createFakeClock();
  const random = seeded(t);
  const newId = createIds({ clock, random });
  const vault = createVault(new Uint8Array(32).fill(7));
  const transport = createFakeTransport();
  const faults: Faults = { before: () => {}, after: () => {}, instead: () => undefined };
  const lease = { holds: true };
  const heard = nothingHeard();
  const store = createLocalStore(':memory:', {
    newId,
    handOver: (deliveries) => engine.handOver(deliveries),
  });
  t.after(() => store.close());

  let life = { isOver: false };
  let engine = startEngine();
  await engine.own(WHOLE_RUN);

  function startEngine(): Engine {
    const outside = mortal({ clock, transport, store: faulty(store, faults) }, life);
    return createEngine(
      {
        ...{ ...outside, random, vault, newId, lease: { isValid: () => lease.holds } },
        announcements: announcementsInto(heard),
      },
      engineSettings({ attemptTimeoutMs: ATTEMPT_TIMEOUT_MS, ...options.settings }),
    );
  }

  const changed = async (webhook: Webhook) => {
    await engine.webhookChanged(refOf(webhook));
    await settled();
  };

  const patch: World['patch'] = async (webhook, changes) => {
    await store.updateWebhook(webhook.accountId, webhook.id, changes, clock.now());
    await changed(webhook);
  };
  const restart = async (afterCrash: boolean) => {
    life.isOver = true;
    life = { isOver: false };
    engine = startEngine();
    await engine.own(wholeRun({ afterCrash }));
    await settled();
  };

  return {
    clock,
    transport,
    random,
    newId,
    store,
    faults,
    lease,
    heard,
    get engine() {
      return engine;
    },
    async webhook(fields = {}, health = 'proven') {
      const made = webhookOf(DEFAULT_ACCOUNT_ID, newId('webhook'), clock.now());
      const secretSealed = vault.seal(SECRET, secretPlace(refOf(made)));
      const webhook = { ...made, secretSealed, ...fields };
      await store.createWebhook(webhook, { perAccountMax: 100_000 });
      if (health !== 'new') await store.rememberLane(refOf(webhook), { ...NO_MEMORY, health });
      return webhook;
    },
    async publish(count = 1, type = 'user.created') {
      const accountId = DEFAULT_ACCOUNT_ID;
      const ids = Array.from({ length: count }, () => newId('event'));
      const createdAt = clock.now();
      const events = ids.map((id) => {
        return { accountId, id, type, createdAt, body: `{"id":"${id}"}`, deliveries: [] };
      });
      await store.publish({ accountId, webhooksVersion: null, events });
      await settled();
      return ids;
    },
    seal: (webhook) => vault.seal(SECRET, secretPlace(webhook)),
    change: (webhook, status) => patch(webhook, { status }),
    patch,
    async rotate(webhook, secret, overlapMs = 86_400_000) {
      const sealed = vault.seal(secret, secretPlace(refOf(webhook)));
      const overlapUntil = clock.now() + overlapMs;
      await patch(webhook, { secret: { sealed, hint: secret.slice(-4), overlapUntil } });
    },
    async remove(webhook) {
      await store.deleteWebhook(webhook.accountId, webhook.id, clock.now());
      await changed(webhook);
    },
    async deliveriesOf({ accountId, id: webhookId }) {
      const all: Delivery[] = [];
      let after: string | undefined;
      for (let hasMore = true; hasMore; ) {
        const page = await store.listDeliveries(accountId, { webhookId }, { limit: 100, after });
        all.unshift(...page.items.toReversed());
        ({ hasMore } = page);
        after = page.end ?? undefined;
      }
      return all;
    },
    restart: () => restart(true),
    async restartCleanly() {
      const drained = engine.drain(0);
      await clock.advance(0);
      assert.deepEqual(await drained, { abandoned: 0, unsettled: 0 });
      await restart(false);
    },
  };
}

export function refOf({ accountId, id: webhookId }: Webhook): WebhookRef {
  return { accountId, webhookId };
}

export function countByStatus(deliveries: readonly Delivery[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of deliveries) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** Each of these events was sent, and none twice. */
export function assertSentOnce(transport: FakeTransport, eventIds: readonly string[]): void {
  const sent = transport.sent.map(({ eventId }) => eventId);
  assert.equal(new Set(sent).size, sent.length, 'nothing is sent twice');
  assert.deepEqual(new Set(sent), new Set(eventIds));
}

/** The store with a gate before and behind each call. */
function faulty(store: Store, faults: Faults): Store {
  return new Proxy(store, {
    get(target, operation: keyof Store) {
      return async (...args: readonly unknown[]) => {
        await faults.before(operation);
        const ask = target[operation] as (...args: readonly unknown[]) => Promise<unknown>;
        const answer = faults.instead(operation, args) ?? (await ask(...args));
        await faults.after(operation);
        return answer;
      };
    },
  });
}

/** The outside of an engine that hears and does nothing any more when its life is over. */
function mortal(
  { clock, transport, store }: { clock: Clock; transport: Transport; store: Store },
  life: { isOver: boolean },
): { clock: Clock; transport: Transport; store: Store } {
  const whileAlive = (call: () => void) => {
    if (!life.isOver) call();
  };
  return {
    clock: { ...clock, after: (ms, call) => clock.after(ms, () => whileAlive(call)) },
    transport: {
      ...transport,
      send: (request, ended, written) =>
        transport.send(
          request,
          (one) => whileAlive(() => ended(one)),
          () => whileAlive(() => written?.()),
        ),
    },
    store: new Proxy(store, {
      get(target, operation: keyof Store) {
        const ask = target[operation] as (...args: readonly unknown[]) => Promise<unknown>;
        return (...args: readonly unknown[]) => (life.isOver ? NEVER : ask(...args));
      },
    }),
  };
}

const NO_MEMORY: LaneMemory = {
  health: 'new',
  usualMs: 5,
  failingSince: null,
  failedAttempts: 0,
};

const NEVER = new Promise<never>(() => {});

export function announcementsInto(heard: World['heard']): Announcements {
  const silent: Announcement<unknown> = { hasSubscribers: false, publish: () => {} };
  return {
    attempt: { hasSubscribers: true, publish: (ended) => void heard.attempts.push(ended) },
    settleFailed: {
      hasSubscribers: true,
      publish() {
        heard.settleFailed += 1;
      },
    },
    settled: silent,
    webhookDisabled: {
      hasSubscribers: true,
      publish: (one) => void heard.disabled.push(one.reason),
    },
    headFailed: {
      hasSubscribers: true,
      publish: (one) => void heard.headsFailed.push(one.deliveryId),
    },
    unheard: { hasSubscribers: true, publish: (one) => void heard.unheard.push(one.webhookId) },
    transaction: silent,
    fenced: { hasSubscribers: true, publish: (one) => void heard.fenced.push(one.deliveryId) },
    bug: silent,
    request: silent,
  };
}
