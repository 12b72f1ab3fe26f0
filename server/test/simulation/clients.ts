import { PosthornError } from '../../src/core/errors.ts';
import { covers } from '../../src/core/event-types.ts';
import type { NewId } from '../../src/core/ids.ts';
import { DEFAULT_WEBHOOK_SETTINGS, type Webhook } from '../../src/core/model.ts';
import type {
  Control,
  NewEvents,
  Store,
  Subscriptions,
  Vault,
  WebhookChanges,
  WebhookRef,
} from '../../src/core/ports.ts';
import { secretPlace } from '../../src/core/secret-place.ts';
import type { Seeded } from '../core/support/seeded.ts';
import { clockOf, type Life } from './lives.ts';
import type { Model, ModelDelivery, ModelWebhook } from './model.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

export interface ClientParts {
  scheduler: Scheduler;
  random: Seeded;
  trace: Trace;
  model: Model;
  vault: Vault;
  newId: NewId;
}

const HOP_MS_MAX = 3;
const RETRY_MS = 1_000;
const TRIES_MAX = 8;
const NO_LIMIT = { perAccountMax: 1_000_000 };
const OVERLAP_MS_MAX = 10 * 60_000;

/**
 * Whoever calls the API: asks the store, and then waits until the engine goes by it, as the service does.
 * One of these per life; when the process falls its callers hear nothing any more.
 */
export class Clients {
  readonly #parts: ClientParts;
  readonly #life: Life;
  readonly #store: Store;
  readonly #control: Control;
  readonly #subscriptions = new Map<string, Subscriptions>();

  constructor(parts: ClientParts, process: { life: Life; store: Store; control: Control }) {
    this.#parts = parts;
    this.#life = process.life;
    this.#store = process.store;
    this.#control = process.control;
  }

  async createWebhook(accountId: string, secret: string, fields: Partial<Webhook>): Promise<void> {
    const { newId, vault } = this.#parts;
    const id = fields.id ?? newId('webhook');
    const now = this.#life.clock.now();
    const webhook: Webhook = {
      accountId,
      id,
      url: '',
      events: ['*'],
      description: '',
      status: 'active',
      disabledReason: null,
      secretSealed: vault.seal(secret, secretPlace({ accountId, webhookId: id })),
      secretHint: '',
      rotation: null,
      heldUntil: null,
      settings: DEFAULT_WEBHOOK_SETTINGS,
      createdAt: now,
      updatedAt: now,
      ...fields,
    };
    await this.#insist(() => this.#store.createWebhook(webhook, NO_LIMIT));
  }

  /** Publishes so many at once; when the answer is lost it is sent again, with the same key. */
  async publish(accountId: string, types: readonly string[], key: string | null): Promise<void> {
    await this.#insist(() => this.#publish(accountId, types, key));
  }

  async #publish(accountId: string, types: readonly string[], key: string | null): Promise<void> {
    const { newId } = this.#parts;
    const createdAt = this.#life.clock.now();
    const events = types.map((type) => {
      const id = newId('event');
      const body = `{"id":"${id}","type":"${type}","account":"${accountId}"}`;
      return { accountId, id, type, createdAt, body };
    });
    const record = key === null ? {} : { once: this.#record(key, events) };
    for (const by of ['cache', 'cache', 'store'] as const) {
      const matched = by === 'cache' ? await this.#matched(accountId, events) : unmatched(events);
      const said = await this.#store.publish({ accountId, ...matched, ...record });
      if ('earlier' in said || said.result === 'accepted') return;
      this.#subscriptions.delete(accountId);
    }
    this.#parts.trace.violated(`a publish of ${accountId} starves`);
  }

  #record(key: string, events: readonly { id: string }[]) {
    const createdAt = this.#life.clock.now();
    const body = events.map(({ id }) => id).join();
    const once = { key, fingerprint: key, status: 202, body, sealed: false };
    return { ...once, createdAt, expiresAt: Number.MAX_SAFE_INTEGER };
  }

  async #matched(
    accountId: string,
    events: readonly Omit<NewEvents['events'][number], 'deliveries'>[],
  ): Promise<Pick<NewEvents, 'events' | 'webhooksVersion'>> {
    const { newId } = this.#parts;
    const known =
      this.#subscriptions.get(accountId) ?? (await this.#store.subscriptions(accountId));
    this.#subscriptions.set(accountId, known);
    const matching = (type: string) =>
      known.webhooks.filter((one) => one.events.some((subscription) => covers(subscription, type)));
    return {
      webhooksVersion: known.version,
      events: events.map((event) => ({
        ...event,
        deliveries: matching(event.type).map(({ id }) => ({
          id: newId('delivery', event.id),
          webhookId: id,
        })),
      })),
    };
  }

  async change({ ref }: ModelWebhook, changes: WebhookChanges): Promise<void> {
    const { accountId, webhookId } = ref;
    await this.#insist(() =>
      this.#store.updateWebhook(accountId, webhookId, changes, this.#life.clock.now()),
    );
    await this.#acknowledged(ref);
  }

  async rotate({ ref }: ModelWebhook, secret: string, hasOverlap: boolean): Promise<void> {
    const { vault, random } = this.#parts;
    const now = this.#life.clock.now();
    const overlapUntil = hasOverlap ? now + 1 + random.below(OVERLAP_MS_MAX) : null;
    const sealed = vault.seal(secret, secretPlace(ref));
    const rotation = { ...ref, secret: { sealed, hint: '', overlapUntil }, rotatedAt: now };
    await this.#insist(() => this.#store.rotateSecret(rotation));
    await this.#acknowledged(ref);
  }

  async remove({ ref }: ModelWebhook): Promise<void> {
    await this.#insist(() =>
      this.#store.deleteWebhook(ref.accountId, ref.webhookId, this.#life.clock.now()),
    );
    await this.#acknowledged(ref);
  }

  async cancel({ accountId, id, webhook }: ModelDelivery): Promise<void> {
    const call = { accountId, deliveryId: id, reason: 'requested' };
    const said = await this.#insist(() => this.#store.cancelDelivery(call));
    if (said === null || !('result' in said) || typeof said.result === 'string') return;
    await this.#acknowledge(() => this.#control.deliveryCancelled(webhook.ref, id));
    const delivery = this.#parts.model.deliveries.get(id);
    if (delivery !== undefined) delivery.isCancelAcknowledged = true;
  }

  async redeliver({ accountId, id }: ModelDelivery): Promise<void> {
    const { newId } = this.#parts;
    const newDeliveryId = newId('delivery');
    this.#parts.model.redeliveries.add(newDeliveryId);
    const createdAt = this.#life.clock.now();
    const call = { accountId, deliveryId: id, newId: newDeliveryId, createdAt };
    await this.#insist(() => this.#store.redeliver(call));
  }

  async recover({ ref }: ModelWebhook, spanMs: number): Promise<void> {
    const { newId } = this.#parts;
    const now = this.#life.clock.now();
    const id = newId('recovery');
    const recovery = { ...ref, id, since: now - spanMs, until: now, createdAt: now };
    const begun = { ...recovery, status: 'running', deliveryCount: 0, endedAt: null } as const;
    const said = await this.#insist(() => this.#store.createRecovery(begun));
    if (said === null || !('result' in said) || said.result !== 'created') return;
    await this.#acknowledge(() => this.#control.recoveryCreated(ref, id));
  }

  async test({ ref }: ModelWebhook): Promise<void> {
    const { newId } = this.#parts;
    const { accountId, webhookId } = ref;
    const createdAt = this.#life.clock.now();
    const id = newId('testEvent');
    const event = { accountId, id, type: 'webhook.test', createdAt, body: '{}' };
    const call = { event, deliveryId: newId('delivery'), webhookId };
    await this.#hop();
    // What comes of it is the caller's: it fails when the store does.
    await this.#control.test(call).catch(expectUnavailable);
  }

  /** The engine goes by what was stored: whatever the webhook was before that moment is over. */
  async #acknowledged({ webhookId }: WebhookRef): Promise<void> {
    const webhook = this.#parts.model.webhooks.get(webhookId);
    if (webhook === undefined) return;
    const version = webhook.versions.length - 1;
    if (!(await this.#acknowledge(() => this.#askToRead(webhook)))) return;
    webhook.acknowledged = Math.max(webhook.acknowledged, version);
  }

  #askToRead(webhook: ModelWebhook): Promise<void> {
    webhook.askedAt = this.#parts.scheduler.monotonic();
    return this.#control.webhookChanged(webhook.ref);
  }

  /** Asks until it is said; the caller of the API would send the same call again. */
  async #acknowledge(ask: () => Promise<void>): Promise<boolean> {
    for (;;) {
      await this.#hop();
      try {
        await ask();
        return true;
      } catch (error) {
        expectUnavailable(error);
        await this.#wait(RETRY_MS);
      }
    }
  }

  /** The same call again while the store cannot be used; null when that is too often. */
  async #insist<Result>(call: () => Promise<Result>): Promise<Result | null> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      try {
        return await call();
      } catch (error) {
        expectUnavailable(error);
        await this.#wait(RETRY_MS * 2 ** tries);
      }
    }
    return null;
  }

  #hop(): Promise<void> {
    return this.#wait(this.#parts.random.fraction() ** 2 * HOP_MS_MAX);
  }

  /** Never over when the process falls meanwhile. */
  #wait(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    clockOf(this.#parts.scheduler, this.#life).after(ms, resolve);
    return promise;
  }
}

function unmatched(events: readonly Omit<NewEvents['events'][number], 'deliveries'>[]) {
  return { webhooksVersion: null, events: events.map((event) => ({ ...event, deliveries: [] })) };
}

/** The store cannot be used now, or the owner has not heard of it yet. */
function expectUnavailable(error: unknown): void {
  const isKnown =
    error instanceof PosthornError &&
    (error.code === 'store_unavailable' || error.code === 'change_pending');
  if (!isKnown) throw error;
}
