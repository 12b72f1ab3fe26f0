import { covers } from '../../src/core/event-types.ts';
import { firstIdAt } from '../../src/core/ids.ts';
import type {
  DueDelivery,
  NewEvents,
  OnceResult,
  RecoveryStep,
  Store,
  Vault,
  WebhookChanges,
  WebhookRef,
} from '../../src/core/ports.ts';
import { secretPlace } from '../../src/core/secret-place.ts';
import type { CallResult, StoreCall } from '../../src/store/sqlite/executor.ts';
import type { Life } from './lives.ts';
import {
  answerKey,
  type Model,
  type ModelDelivery,
  type ModelWebhook,
  newestOf,
  type Version,
  versionOf,
} from './model.ts';
import { settled } from './settlements.ts';
import type { Witness } from './simulated-store.ts';
import type { Trace } from './trace.ts';

/** What the model needs to know of the moment. */
export interface Moment {
  now(): number;
  monotonic(): number;
}

export interface CommitParts {
  clock: Moment;
  trace: Trace;
  vault: Vault;
  schedule: readonly number[];
  onGone: 'retry' | 'disable';
  backlogMax: number;
}

type Args<Name extends keyof Store> = Parameters<Store[Name]>;

const BACKLOG_REMEMBERED_MS = 120_000;
const ENDS_HEARD_MS = 10_000;

/** Keeps the model beside the store: each call that was executed, compared with what has to come of it. */
export function createWitness(model: Model, parts: CommitParts): Witness {
  const { clock, trace, vault } = parts;

  return { executed };

  function executed(
    { operation, args }: StoreCall,
    result: CallResult,
    made: readonly DueDelivery[],
    life: Life,
  ): void {
    if (!result.ok) {
      if (operation === 'holdWebhook') forgetHold(args as Args<'holdWebhook'>);
      trace.check(result.trouble !== 'call', () => `${operation} fails: ${result.error.stack}`);
      return;
    }
    const { value } = result;
    switch (operation) {
      case 'createWebhook':
        created(args as Args<'createWebhook'>);
        break;
      case 'updateWebhook':
        if (value !== null) updated(args as Args<'updateWebhook'>);
        break;
      case 'rotateSecret':
        rotated(args as Args<'rotateSecret'>, value as OnceResult<'rotated' | 'missing'>);
        break;
      case 'deleteWebhook':
        if (value === 'deleted') deleted(args as Args<'deleteWebhook'>);
        break;
      case 'disableWebhook':
        disabled(args as Args<'disableWebhook'>, value as 'disabled' | 'unchanged');
        break;
      case 'publish':
        published(args as Args<'publish'>, value as OnceResult<'accepted' | 'stale'>, made);
        break;
      case 'redeliver':
        redelivered(args as Args<'redeliver'>, made);
        break;
      case 'cancelDelivery':
        cancelled(args as Args<'cancelDelivery'>, value as OnceResult<unknown>);
        break;
      case 'cancelPending':
        pendingCancelled(args as Args<'cancelPending'>, value as number);
        break;
      case 'recordTest':
        tested(args as Args<'recordTest'>);
        break;
      case 'createRecovery':
        recoveryCreated(args as Args<'createRecovery'>, value as OnceResult<string>);
        break;
      case 'recoverStep':
        recovered(args as Args<'recoverStep'>, value as RecoveryStep, made);
        break;
      case 'settle':
        settled(model, parts, args as Args<'settle'>, value, life);
        break;
      case 'holdWebhook':
        held(args as Args<'holdWebhook'>);
        break;
      case 'target':
        webhookOf(...(args as Args<'target'>)).readAt = clock.monotonic();
        break;
      case 'preferNewSecret':
        preferred(args as Args<'preferNewSecret'>);
        break;
    }
  }

  function webhookOf({ webhookId }: WebhookRef): ModelWebhook {
    const webhook = model.webhooks.get(webhookId);
    if (webhook === undefined) throw new Error(`there is no webhook ${webhookId}`);
    return webhook;
  }

  function raise(accountId: string): void {
    model.versions.set(accountId, (model.versions.get(accountId) ?? 0) + 1);
  }

  function created([webhook]: Args<'createWebhook'>): void {
    const { accountId, id: webhookId } = webhook;
    const ref = { accountId, webhookId };
    model.webhooks.set(webhookId, {
      ref,
      versions: [versionOf(webhook, vault.open(webhook.secretSealed, secretPlace(ref)))],
      acknowledged: 0,
      prefersNewSince: null,
      askedAt: 0,
      readAt: 0,
      pending: new Map(),
      backlog: [],
      ends: [],
      exchanges: [],
      holds: new Set(),
      hold: null,
    });
    raise(accountId);
  }

  function updated([accountId, webhookId, changes, now]: Args<'updateWebhook'>): void {
    const webhook = webhookOf({ accountId, webhookId });
    const before = newestOf(webhook);
    const { settings, secret, url, events, status } = changes;
    const after: Version = {
      ...before,
      ...(url === undefined ? {} : { url }),
      ...(events === undefined ? {} : { events }),
      ...(status === undefined ? {} : { status }),
      settings: { ...before.settings, ...settings },
    };
    if (after.url !== before.url) webhook.hold = null;
    webhook.versions.push(secret === undefined ? after : withSecret(webhook, after, secret, now));
    raise(accountId);
  }

  /** Never more than two: the one that receivers are thought to go by, and the new one. */
  function withSecret(
    webhook: ModelWebhook,
    version: Version,
    { sealed, overlapUntil }: NonNullable<WebhookChanges['secret']>,
    now: number,
  ): Version {
    const secret = vault.open(sealed, secretPlace(webhook.ref));
    const { before } = version;
    const goesByOlder = before !== null && before.until > now && webhook.prefersNewSince === null;
    const old = goesByOlder ? before.secret : version.secret;
    webhook.prefersNewSince = null;
    return {
      ...version,
      secret,
      before: overlapUntil === null ? null : { secret: old, until: overlapUntil },
    };
  }

  function rotated(
    [{ accountId, webhookId, secret, rotatedAt }]: Args<'rotateSecret'>,
    value: OnceResult<'rotated' | 'missing'>,
  ): void {
    if (!('result' in value) || value.result !== 'rotated') return;
    updated([accountId, webhookId, { secret }, rotatedAt]);
  }

  function deleted([accountId, webhookId]: Args<'deleteWebhook'>): void {
    const webhook = webhookOf({ accountId, webhookId });
    webhook.versions.push({ ...newestOf(webhook), status: 'deleted' });
    raise(accountId);
  }

  /** By the engine itself. */
  function disabled([ref, reason]: Args<'disableWebhook'>, value: 'disabled' | 'unchanged'): void {
    if (value === 'unchanged') return;
    const webhook = webhookOf(ref);
    if (reason === 'backlog_full') {
      const most = Math.max(0, ...webhook.backlog.map(({ count }) => count));
      trace.check(
        most > parts.backlogMax,
        () => `${ref.webhookId} is disabled for a backlog of at most ${most}`,
      );
    }
    webhook.versions.push({ ...newestOf(webhook), status: 'disabled' });
    raise(ref.accountId);
  }

  function published(
    [{ accountId, events, webhooksVersion, once }]: Args<'publish'>,
    value: OnceResult<'accepted' | 'stale'>,
    made: readonly DueDelivery[],
  ): void {
    if (once !== undefined && !answered(accountId, once.key, once.body, value)) return;
    if (!('result' in value)) return;
    const version = model.versions.get(accountId) ?? 0;
    const isStale = webhooksVersion !== null && webhooksVersion !== version;
    trace.check(
      value.result === (isStale ? 'stale' : 'accepted'),
      () => `published against ${webhooksVersion} at ${version}: ${value.result}`,
    );
    if (value.result !== 'accepted') return;
    if (once !== undefined) model.answers.set(answerKey(accountId, once.key), once.body);
    for (const event of events) accepted(accountId, event, made);
  }

  /** Whether this call does something; one that came again has to get the first answer. */
  function answered(
    accountId: string,
    key: string,
    body: string,
    value: OnceResult<unknown>,
  ): boolean {
    const first = model.answers.get(answerKey(accountId, key));
    const again = 'earlier' in value ? value.earlier.body : undefined;
    trace.check(
      first === again,
      () => `${key} was answered ${first}, and now ${again ?? `does ${body}`}`,
    );
    return again === undefined;
  }

  /** Exactly the webhooks that subscribed at this moment get it. */
  function accepted(
    accountId: string,
    { id, type, body }: NewEvents['events'][number],
    made: readonly DueDelivery[],
  ): void {
    trace.check(!model.events.has(id), () => `${id} is accepted twice`);
    model.events.set(id, { accountId, id, type, body, isTest: false, deliveries: new Map() });
    const wanted = [...model.webhooks.values()]
      .filter((webhook) => webhook.ref.accountId === accountId && subscribes(webhook, type))
      .map(({ ref }) => ref.webhookId);
    const mine = made.filter(({ event, trigger }) => event.id === id && trigger === 'schedule');
    trace.check(
      wanted.toSorted().join() ===
        mine
          .map(({ webhookId }) => webhookId)
          .toSorted()
          .join(),
      () => `${id} (${type}) is for ${wanted}, and not for ${mine.map((one) => one.webhookId)}`,
    );
    for (const delivery of mine) pending(delivery);
  }

  function subscribes(webhook: ModelWebhook, type: string): boolean {
    const { status, events } = newestOf(webhook);
    if (status === 'disabled' || status === 'deleted') return false;
    return events.some((subscription) => covers(subscription, type));
  }

  function pending({ seq, accountId, id, webhookId, event, trigger, dueAt }: DueDelivery): void {
    const webhook = webhookOf({ accountId, webhookId });
    const known = model.events.get(event.id);
    if (known === undefined) throw new Error(`${id} is of no event`);
    trace.check(known.accountId === accountId, () => `${id} is of another account's event`);
    trace.check(known.body === event.body, () => `${id} has another body`);
    const delivery: ModelDelivery = {
      seq,
      accountId,
      id,
      webhook,
      event: known,
      trigger,
      status: 'pending',
      cancelReason: null,
      isCancelAcknowledged: false,
      attemptCount: 0,
      attempts: [],
      dueAt,
      dueSince: clock.monotonic(),
      exchanges: [],
    };
    model.deliveries.set(id, delivery);
    webhook.pending.set(seq, delivery);
    const siblings = known.deliveries.get(webhookId) ?? [];
    known.deliveries.set(webhookId, [...siblings, delivery]);
    noteBacklog(webhook);
  }

  function noteBacklog(webhook: ModelWebhook): void {
    const at = clock.monotonic();
    // The engine hears of an end some time after it.
    while ((webhook.ends[0] ?? at) < at - ENDS_HEARD_MS) webhook.ends.shift();
    webhook.backlog.push({ at, count: webhook.pending.size + webhook.ends.length });
    while ((webhook.backlog[0]?.at ?? at) < at - BACKLOG_REMEMBERED_MS) webhook.backlog.shift();
  }

  function redelivered([{ newId, deliveryId }]: Args<'redeliver'>, made: readonly DueDelivery[]) {
    const delivery = made.find(({ id }) => id === newId);
    const original = model.deliveries.get(deliveryId);
    const status = original && newestOf(original.webhook).status;
    const isPossible = status === 'active' || status === 'paused';
    trace.check(
      (delivery !== undefined) === isPossible,
      () => `${deliveryId} to a webhook that is ${status} is ${delivery?.id} again`,
    );
    if (delivery !== undefined) pending(delivery);
  }

  function cancelled([{ deliveryId, reason }]: Args<'cancelDelivery'>, value: OnceResult<unknown>) {
    const delivery = model.deliveries.get(deliveryId);
    const isDone = 'result' in value && typeof value.result === 'object';
    trace.check(
      isDone === (delivery?.status === 'pending'),
      () => `${deliveryId}, ${delivery?.status}, is ${isDone ? '' : 'not '}cancelled`,
    );
    if (isDone && delivery !== undefined) end(delivery, reason);
  }

  function pendingCancelled([ref, reason, limit]: Args<'cancelPending'>, count: number): void {
    const webhook = webhookOf(ref);
    const { status } = newestOf(webhook);
    const isOver = status === 'disabled' || status === 'deleted';
    const wanted = isOver ? Math.min(webhook.pending.size, limit) : 0;
    trace.check(count === wanted, () => `${count} of ${wanted} pending are cancelled`);
    if (!isOver) return;
    // The simulation never comes to a second page: which of them were in the first is not known here.
    for (const delivery of [...webhook.pending.values()]) end(delivery, reason);
    // Its gate is closed: whatever was not heard yet is acknowledged by that.
    webhook.acknowledged = webhook.versions.length - 1;
  }

  function end(delivery: ModelDelivery, reason: string): void {
    delivery.status = 'cancelled';
    delivery.cancelReason = reason;
    delivery.webhook.pending.delete(delivery.seq);
    delivery.webhook.ends.push(clock.monotonic());
  }

  function tested([{ event }]: Args<'recordTest'>): void {
    model.events.set(event.id, { ...event, isTest: true, deliveries: new Map() });
  }

  function recoveryCreated([recovery]: Args<'createRecovery'>, value: OnceResult<string>): void {
    if (!('result' in value) || value.result !== 'created') return;
    const { accountId, id, since, until } = recovery;
    const webhook = webhookOf(recovery);
    const position = firstIdAt(since);
    model.recoveries.set(id, { accountId, id, webhook, until, position, isDone: false });
  }

  /** Looks at the same events in the same order as the store has to, and wants the same of them. */
  function recovered(
    [{ id, limit }]: Args<'recoverStep'>,
    value: RecoveryStep,
    made: readonly DueDelivery[],
  ): void {
    const recovery = model.recoveries.get(id);
    if (recovery === undefined) throw new Error(`there is no recovery ${id}`);
    const { webhook, accountId, position } = recovery;
    const { status, events: wanted } = newestOf(webhook);
    const isOver = recovery.isDone || status === 'disabled' || status === 'deleted';
    const looked = isOver ? [] : eventsBetween(accountId, position, firstIdAt(recovery.until));
    const page = looked.slice(0, limit);
    const missed = page.filter(({ type, isTest, deliveries }) => {
      if (isTest || !wanted.some((subscription) => covers(subscription, type))) return false;
      const mine = deliveries.get(webhook.ref.webhookId) ?? [];
      return !mine.some((one) => one.status === 'pending' || one.status === 'delivered');
    });
    const mine = made.filter(
      (one) =>
        one.webhookId === webhook.ref.webhookId &&
        one.trigger === 'manual' &&
        !model.redeliveries.has(one.id) &&
        page.some((event) => event.id === one.event.id),
    );
    trace.check(
      mine.map(({ event }) => event.id).join() === missed.map((event) => event.id).join(),
      () => `${id} brings back ${mine.length} of ${missed.length} from ${position}`,
    );
    trace.check(value.made === missed.length, () => `${id} says ${value.made}`);
    for (const delivery of mine) pending(delivery);
    const last = page.at(-1);
    if (last !== undefined) recovery.position = bare(last.id);
    recovery.isDone = isOver || page.length < limit;
    trace.check(value.isDone === recovery.isDone, () => `${id} is done: ${value.isDone}`);
  }

  function eventsBetween(accountId: string, after: string, below: string) {
    return [...model.events.values()]
      .filter((event) => event.accountId === accountId)
      .filter(({ id }) => bare(id) > after && bare(id) < below)
      .sort((a, b) => (bare(a.id) < bare(b.id) ? -1 : 1));
  }

  function held([ref, until]: Args<'holdWebhook'>): void {
    const webhook = webhookOf(ref);
    if (until === null) webhook.hold = null;
    else if (until >= (webhook.hold?.until ?? Number.POSITIVE_INFINITY) && webhook.hold !== null)
      webhook.hold.isStored = true;
  }

  /** It is kept in memory, until the webhook is read again. */
  function forgetHold([ref]: Args<'holdWebhook'>): void {
    webhookOf(ref).hold = null;
  }

  function preferred([ref, sealed]: Args<'preferNewSecret'>): void {
    const webhook = webhookOf(ref);
    const { secret, before } = newestOf(webhook);
    const isNewest = vault.open(sealed, secretPlace(ref)) === secret;
    if (isNewest && before !== null) webhook.prefersNewSince ??= clock.monotonic();
  }
}

function bare(id: string): string {
  return id.slice(id.lastIndexOf('_') + 1);
}
