import type { DueDelivery, WebhookRef } from '../../src/core/ports.ts';
import type { CommitParts } from './commits.ts';
import type { Model, ModelDelivery, ModelWebhook } from './model.ts';

const BACKLOG_REMEMBERED_MS = 120_000;
/** Whoever owns the webhook has heard of what makes it too much by then, whatever has fallen, and disabled it. */
const OVERFULL_MS_MAX = 60_000;

/** How deliveries come into the model, and leave what is pending. */
export interface Pending {
  webhookOf(ref: WebhookRef): ModelWebhook;
  add(delivery: DueDelivery): void;
  /** It ends as cancelled. */
  cancel(delivery: ModelDelivery, reason: string): void;
}

export function createPending(model: Model, parts: CommitParts): Pending {
  const { clock, trace } = parts;
  return { webhookOf, add, cancel };

  function webhookOf({ webhookId }: WebhookRef): ModelWebhook {
    const webhook = model.webhooks.get(webhookId);
    if (webhook === undefined) throw new Error(`there is no webhook ${webhookId}`);
    return webhook;
  }

  function add({ seq, accountId, id, webhookId, event, trigger, dueAt }: DueDelivery): void {
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
    const count = webhook.pending.size;
    webhook.backlog.push({ at, count });
    while ((webhook.backlog[0]?.at ?? at) < at - BACKLOG_REMEMBERED_MS) webhook.backlog.shift();
    if (!isOverfull(webhook, parts)) return;
    webhook.overfullSince ??= at;
    const forMs = at - webhook.overfullSince;
    trace.check(
      forMs <= OVERFULL_MS_MAX,
      () => `${webhook.ref.webhookId} has ${count} pending, and too many for ${forMs} ms`,
    );
  }

  function cancel(delivery: ModelDelivery, reason: string): void {
    delivery.status = 'cancelled';
    delivery.cancelReason = reason;
    hasEnded(delivery, parts);
  }
}

/** It is not pending any more. */
export function hasEnded({ seq, webhook }: ModelDelivery, parts: CommitParts): void {
  webhook.pending.delete(seq);
  if (!isOverfull(webhook, parts)) webhook.overfullSince = null;
}

/** Whoever owns the webhook finds it later, and does not count it. */
export function wasLost(
  { seq, webhookId }: DueDelivery,
  { webhooks }: Model,
  parts: Pick<CommitParts, 'backlogMax'>,
): void {
  const webhook = webhooks.get(webhookId);
  if (webhook === undefined) throw new Error(`there is no webhook ${webhookId}`);
  if (webhook.pending.has(seq)) webhook.unheard.add(seq);
  if (!isOverfull(webhook, parts)) webhook.overfullSince = null;
}

function isOverfull(
  { pending, unheard }: ModelWebhook,
  { backlogMax }: Pick<CommitParts, 'backlogMax'>,
): boolean {
  return pending.size - unheard.size > backlogMax;
}
