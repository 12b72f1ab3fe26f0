import { covers } from '../../src/core/event-types.ts';
import type { DueDelivery, NewEvents, OnceResult } from '../../src/core/ports.ts';
import type { CommitParts } from './commits.ts';
import { type Args, answerKey, type Model, type ModelWebhook, newestOf } from './model.ts';
import type { Pending } from './pending.ts';

/** What is published, sent again and cancelled. */
export function deliveryCommits(model: Model, { trace, clock }: CommitParts, pending: Pending) {
  return { published, redelivered, cancelled, pendingCancelled, tested };

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
    for (const delivery of mine) pending.add(delivery);
  }

  function subscribes(webhook: ModelWebhook, type: string): boolean {
    const { status, events } = newestOf(webhook);
    if (status === 'disabled' || status === 'deleted') return false;
    return events.some((subscription) => covers(subscription, type));
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
    if (delivery !== undefined) pending.add(delivery);
  }

  function cancelled([{ deliveryId, reason }]: Args<'cancelDelivery'>, value: OnceResult<unknown>) {
    const delivery = model.deliveries.get(deliveryId);
    const isDone = 'result' in value && typeof value.result === 'object';
    trace.check(
      isDone === (delivery?.status === 'pending'),
      () => `${deliveryId}, ${delivery?.status}, is ${isDone ? '' : 'not '}cancelled`,
    );
    if (isDone && delivery !== undefined) pending.cancel(delivery, reason);
  }

  function pendingCancelled([ref, reason, limit]: Args<'cancelPending'>, count: number): void {
    const webhook = pending.webhookOf(ref);
    const { status } = newestOf(webhook);
    const isOver = status === 'disabled' || status === 'deleted';
    const wanted = isOver ? Math.min(webhook.pending.size, limit) : 0;
    trace.check(count === wanted, () => `${count} of ${wanted} pending are cancelled`);
    if (!isOver) return;
    // The simulation never comes to a second page: which of them were in the first is not known here.
    for (const delivery of [...webhook.pending.values()]) pending.cancel(delivery, reason);
    // Its gate is closed: whatever was not heard yet is acknowledged by that.
    webhook.acknowledged = webhook.versions.length - 1;
  }

  function tested([{ event, webhookId, status }]: Args<'recordTest'>): void {
    model.events.set(event.id, { ...event, isTest: true, deliveries: new Map() });
    if (status === 'failed') return;
    // The engine ends the hold when it hears that this is written.
    const webhook = pending.webhookOf({ accountId: event.accountId, webhookId });
    webhook.testedAt = clock.monotonic();
    webhook.hold = null;
  }
}
