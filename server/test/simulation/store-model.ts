import { isDeepStrictEqual } from 'node:util';
import { createIds, type NewId } from '../../src/core/ids.ts';
import { DEFAULT_WEBHOOK_SETTINGS, type Webhook } from '../../src/core/model.ts';
import type { DueDelivery, DueRequest, HandOver, Store, WebhookRef } from '../../src/core/ports.ts';
import { secretPlace } from '../../src/core/secret-place.ts';
import { createVault } from '../../src/platform/vault.ts';
import type { StoreCall } from '../../src/store/calls.ts';
import { createLocalStore } from '../../src/store/sqlite/local-store.ts';
import { type Seeded, seededBy } from '../core/support/seeded.ts';
import { attemptOf, failedAttemptOf } from '../store/contract/fixtures.ts';
import { createWitness } from './commits.ts';
import { newLife } from './lives.ts';
import { emptyModel, type ModelDelivery, type ModelWebhook, newestOf } from './model.ts';
import { Scheduler } from './scheduler.ts';
import type { Witness } from './simulated-store.ts';
import { Trace } from './trace.ts';

const TYPES = ['user.created', 'user.updated', 'project.created'];
const SUBSCRIPTIONS = [['*'], ['user.*'], ['project.created']];
const ACCOUNTS = ['acc_one', 'acc_two'];
const SCHEDULE = [0, 1_000, 5_000, 30_000];
const STEP_MS_MAX = 3_000;

/** An empty store, all of whose shards are this node's under epoch 1. */
export type OpenForComparison = (ports: {
  newId: NewId;
  handOver: HandOver;
}) => Promise<{ store: Store; close(): Promise<void> }>;

/** The store and the model of it, given the same random calls: what they answer otherwise. */
export async function compareStore(
  open: OpenForComparison,
  { seed, calls }: { seed: number; calls: number },
): Promise<readonly string[]> {
  const comparison = new StoreComparison(seed);
  await comparison.open(open);
  try {
    for (let call = 0; call < calls; call++) await comparison.step();
    return comparison.violations;
  } finally {
    await comparison.close();
  }
}

export const openSqlite: OpenForComparison = async (ports) => {
  const store = createLocalStore(':memory:', ports);
  return { store, close: () => store.close() };
};

class StoreComparison {
  readonly #random: Seeded;
  readonly #newId: NewId;
  readonly #vault = createVault(new Uint8Array(32).fill(7));
  readonly #model = emptyModel();
  readonly #life = newLife(1, { clock: new Scheduler(), beganAt: 0 });
  #opened: Awaited<ReturnType<OpenForComparison>> | null = null;
  readonly #witness: Witness;
  readonly #trace = new Trace(() => this.#now, false);
  #made: DueDelivery[] = [];
  #now = Date.UTC(2023, 11, 1, 12);
  #count = 0;

  constructor(seed: number) {
    this.#random = seededBy(seed);
    const clock = {
      now: () => this.#now,
      monotonic: () => this.#now,
      after: () => ({ cancel() {} }),
    };
    this.#newId = createIds({ clock, random: this.#random });
    const bounds = { schedule: SCHEDULE, onGone: 'retry', backlogMax: 1_000_000 } as const;
    const parts = { clock, trace: this.#trace, vault: this.#vault, ...bounds };
    this.#witness = createWitness(this.#model, parts);
  }

  async open(open: OpenForComparison): Promise<void> {
    this.#opened = await open({
      newId: this.#newId,
      handOver: (deliveries) => void this.#made.push(...deliveries),
    });
    for (const id of ACCOUNTS) await this.#call('createAccount', { id, createdAt: 0 });
  }

  get violations(): readonly string[] {
    return this.#trace.violations;
  }

  async close(): Promise<void> {
    await this.#opened?.close();
  }

  async step(): Promise<void> {
    this.#now += this.#random.below(STEP_MS_MAX);
    const chance = this.#random.fraction();
    const webhook = this.#any([...this.#model.webhooks.values()]);
    if (webhook === undefined || chance < 0.08) await this.#createWebhook();
    else if (chance < 0.35) await this.#publish(webhook.ref.accountId);
    else if (chance < 0.6) await this.#settle(webhook);
    else if (chance < 0.65) await this.#changeStatus(webhook);
    else if (chance < 0.7) await this.#cancel(webhook);
    else if (chance < 0.75) await this.#redeliver(webhook);
    else if (chance < 0.8) await this.#recover(webhook);
    else if (chance < 0.83) await this.#call('cancelPending', webhook.ref, 'of no use', 10_000);
    else await this.#compareReads(webhook);
  }

  async #call<Name extends Exclude<keyof Store, 'close'>>(
    operation: Name,
    ...args: Parameters<Store[Name]>
  ) {
    if (this.#opened === null) throw new Error('open it first');
    const ask = this.#opened.store[operation] as (...args: readonly unknown[]) => Promise<unknown>;
    const value = await ask(...args);
    const made = this.#made;
    this.#made = [];
    const call = { operation, args } as StoreCall;
    this.#witness.executed(call, { ok: true, value }, made, this.#life);
    return value as Awaited<ReturnType<Store[Name]>>;
  }

  async #createWebhook(): Promise<void> {
    const accountId = this.#random.pick(ACCOUNTS);
    const id = this.#newId('webhook');
    const secretSealed = this.#vault.seal(
      `the secret of ${id}`,
      secretPlace({ accountId, webhookId: id }),
    );
    const webhook: Webhook = {
      ...{ accountId, id, url: `https://${id}.example/`, events: this.#random.pick(SUBSCRIPTIONS) },
      ...{ description: '', status: 'active', disabledReason: null, secretSealed, secretHint: '' },
      ...{ rotation: null, heldUntil: null, settings: DEFAULT_WEBHOOK_SETTINGS },
      ...{ createdAt: this.#now, updatedAt: this.#now },
    };
    await this.#call('createWebhook', webhook, { perAccountMax: 1_000 });
  }

  /** Matched by the store, now and then with the key of an earlier call. */
  async #publish(accountId: string): Promise<void> {
    const createdAt = this.#now;
    const events = Array.from({ length: 1 + this.#random.below(4) }, () => {
      const id = this.#newId('event');
      const type = this.#random.pick(TYPES);
      return { accountId, id, type, createdAt, body: `{"id":"${id}"}`, deliveries: [] };
    });
    if (this.#random.below(4) > 0) this.#count += 1;
    const key = `key ${this.#count}`;
    const body = events.map(({ id }) => id).join();
    const answer = { fingerprint: key, status: 202, body, sealed: false, createdAt };
    const once = { key, ...answer, expiresAt: Number.MAX_SAFE_INTEGER };
    const record = this.#random.below(2) === 0 ? { once } : {};
    await this.#call('publish', { accountId, webhooksVersion: null, events, ...record });
  }

  /** An attempt of what is pending, or of what has just been cancelled, has ended somehow. */
  async #settle(webhook: ModelWebhook): Promise<void> {
    const delivery = this.#anyDelivery(webhook);
    if (delivery === undefined || delivery.status === 'delivered') return;
    if (delivery.status === 'failed') return;
    const number = delivery.attemptCount + 1;
    const isWell = this.#random.below(3) === 0;
    const startedAt = this.#now - this.#random.below(100);
    const record = isWell ? attemptOf : failedAttemptOf;
    const attempt = record(this.#newId('attempt'), { number, startedAt });
    const delay = SCHEDULE[number];
    const isLast = isWell || delay === undefined;
    const { seq, accountId, id: deliveryId } = delivery;
    const { webhookId } = webhook.ref;
    delivery.exchanges.push({
      ...{ life: this.#life, delivery, number, isSecondTry: false, url: '', signedWith: '' },
      ...{ startedAt, sentAt: this.#now, allowed: webhook.versions.length - 1, isSent: true },
      ended: {
        ...{ at: this.#now, monotonic: this.#now, status: isWell ? 200 : 500 },
        newest: webhook.versions.length - 1,
      },
      isSettled: false,
    });
    await this.#call('settle', [
      {
        ...{ seq, epoch: 1, accountId, webhookId, deliveryId, attempt, firstTry: null },
        status: isWell ? 'delivered' : isLast ? 'failed' : 'pending',
        dueAt: isLast ? null : this.#now + delay,
      },
    ]);
    await this.#compareDelivery(delivery);
  }

  async #changeStatus({ ref }: ModelWebhook): Promise<void> {
    const { accountId, webhookId } = ref;
    const chance = this.#random.below(6);
    if (chance === 0) await this.#call('deleteWebhook', accountId, webhookId, this.#now);
    else if (chance === 1) await this.#call('disableWebhook', ref, 'failing', this.#now);
    else {
      const status = this.#random.pick(['active', 'paused', 'disabled'] as const);
      await this.#call('updateWebhook', accountId, webhookId, { status }, this.#now);
    }
  }

  async #cancel(webhook: ModelWebhook): Promise<void> {
    const delivery = this.#anyDelivery(webhook);
    if (delivery === undefined) return;
    const { accountId, id: deliveryId } = delivery;
    await this.#call('cancelDelivery', { accountId, deliveryId, reason: 'requested' });
    await this.#compareDelivery(delivery);
  }

  async #redeliver(webhook: ModelWebhook): Promise<void> {
    const delivery = this.#anyDelivery(webhook);
    if (delivery === undefined) return;
    const newId = this.#newId('delivery');
    this.#model.redeliveries.add(newId);
    const { accountId, id: deliveryId } = delivery;
    await this.#call('redeliver', { accountId, deliveryId, newId, createdAt: this.#now });
  }

  /** Created, or a step of one that is running, a few events at a time. */
  async #recover({ ref }: ModelWebhook): Promise<void> {
    const { accountId } = ref;
    const running = [...this.#model.recoveries.values()].find(
      (one) => !one.isDone && one.accountId === accountId,
    );
    if (running !== undefined) {
      const limit = 1 + this.#random.below(5);
      await this.#call('recoverStep', { accountId, id: running.id, limit, now: this.#now });
      return;
    }
    await this.#call('createRecovery', {
      ...{ ...ref, id: this.#newId('recovery'), since: this.#now - 120_000, until: this.#now },
      ...{ status: 'running', deliveryCount: 0, createdAt: this.#now, endedAt: null },
    });
  }

  async #compareReads(webhook: ModelWebhook): Promise<void> {
    const ordering = this.#random.pick(['none', 'strict'] as const);
    const limit = 1 + this.#random.below(6);
    const pending = [...webhook.pending.values()];
    const except = pending.filter(() => this.#random.below(4) === 0).map(({ seq }) => seq);
    const page = { dueBefore: this.#now, limit, bytesMax: 1_000_000, except };
    const request: DueRequest = { ...webhook.ref, ordering, ...page };
    const { deliveries, more, nextDueAt } = await this.#call('due', request);
    const wanted = dueOf(pending, request);
    this.#same('due', { seqs: deliveries.map(({ seq }) => seq), more, nextDueAt }, wanted);
    const since = this.#now - this.#random.below(60_000);
    const times = await this.#call('sendTimes', { ...webhook.ref, since, limit });
    this.#same('send times', times, sendTimesOf(this.#deliveriesOf(webhook), since, limit));
    await this.#comparePending();
  }

  async #comparePending(): Promise<void> {
    const page = { after: null, limit: 1_000, counts: true };
    const { items } = await this.#call('webhooksWithPending', page);
    const wanted = [...this.#model.webhooks.values()]
      .filter(({ pending }) => pending.size > 0)
      .map(({ ref, pending }) => {
        const all = [...pending.values()];
        const isFresh = all.some(({ attemptCount }) => attemptCount === 0);
        const dueAt = isFresh ? 0 : Math.min(...all.map((one) => one.dueAt));
        return { ...ref, dueAt, count: pending.size };
      });
    for (const { ref, pending } of this.#model.webhooks.values()) {
      const max = 1 + this.#random.below(6);
      const count = await this.#call('countPending', ref, max);
      this.#same('how many are pending', count, Math.min(pending.size, max));
    }
    this.#same('what is pending', items.toSorted(byWebhook), wanted.toSorted(byWebhook));
  }

  async #compareDelivery(delivery: ModelDelivery): Promise<void> {
    const { accountId, id, status, attemptCount, cancelReason, attempts } = delivery;
    const found = await this.#call('getDelivery', accountId, id);
    const said = found?.delivery;
    this.#same(
      id,
      [said?.status, said?.attemptCount, said?.cancelReason, found?.attempts.map((one) => one.id)],
      [status, attemptCount, cancelReason, attempts.map((one) => one.id)],
    );
    // Nobody else sees it.
    const other = ACCOUNTS.find((one) => one !== accountId) ?? '';
    this.#same(`${id} elsewhere`, await this.#call('getDelivery', other, id), null);
  }

  #same(what: string, said: unknown, wanted: unknown): void {
    this.#trace.check(
      isDeepStrictEqual(said, wanted),
      () => `${what}: ${JSON.stringify(said)}, not ${JSON.stringify(wanted)}`,
    );
  }

  #deliveriesOf(webhook: ModelWebhook): ModelDelivery[] {
    return [...this.#model.deliveries.values()].filter((one) => one.webhook === webhook);
  }

  #anyDelivery(webhook: ModelWebhook): ModelDelivery | undefined {
    const pending = [...webhook.pending.values()];
    const isGone = newestOf(webhook).status === 'deleted';
    const all = isGone || this.#random.below(4) === 0 ? this.#deliveriesOf(webhook) : pending;
    return this.#any(all);
  }

  #any<Item>(items: readonly Item[]): Item | undefined {
    return items.length === 0 ? undefined : this.#random.pick(items);
  }
}

/** What is due, from a list of what is pending in the order of acceptance. */
function dueOf(pending: readonly ModelDelivery[], request: DueRequest) {
  const { ordering, dueBefore, limit, except } = request;
  const wanted = pending.filter(({ seq }) => !except.includes(seq));
  if (ordering === 'strict') {
    const seqs = wanted.slice(0, limit).map(({ seq }) => seq);
    return { seqs, more: wanted.length > limit, nextDueAt: null };
  }
  const fresh = wanted.filter(({ attemptCount }) => attemptCount === 0);
  const again = wanted
    .filter(({ attemptCount, dueAt }) => attemptCount > 0 && dueAt <= dueBefore)
    .sort((a, b) => a.dueAt - b.dueAt || a.seq - b.seq);
  const turns: ModelDelivery[] = [];
  for (let turn = 0; turn < Math.max(fresh.length, again.length); turn++) {
    turns.push(...fresh.slice(turn, turn + 1), ...again.slice(turn, turn + 1));
  }
  const taken = turns.slice(0, limit);
  const later = pending.filter((one) => one.attemptCount > 0 && one.dueAt > dueBefore);
  const seqs = [
    ...taken.filter(({ attemptCount }) => attemptCount === 0),
    ...taken.filter(({ attemptCount }) => attemptCount > 0),
  ].map(({ seq }) => seq);
  const nextDueAt = later.length === 0 ? null : Math.min(...later.map(({ dueAt }) => dueAt));
  return { seqs, more: turns.length > limit, nextDueAt };
}

function sendTimesOf(deliveries: readonly ModelDelivery[], since: number, limit: number): number[] {
  const all = deliveries.flatMap(({ attempts }) => attempts.map(({ startedAt }) => startedAt));
  const times = all.filter((startedAt) => startedAt >= since).sort((a, b) => a - b);
  return times.slice(-limit);
}

function byWebhook(a: WebhookRef, b: WebhookRef): number {
  return a.webhookId < b.webhookId ? -1 : 1;
}
