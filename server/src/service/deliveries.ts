import { PosthornError } from '../core/errors.ts';
import type { Attempt, Delivery } from '../core/model.ts';
import { type Once, type Outcome, onceRecord, outcomeOf } from '../core/once.ts';
import type { DeliveryFilter, DeliveryStats, FilteredPage, PageRequest } from '../core/ports.ts';
import { expectAcknowledged } from './acknowledgement.ts';
import type { Events } from './events.ts';
import type { ServicePorts } from './ports.ts';
import type { Webhooks } from './webhooks.ts';

/** What `stats` looks back on. */
export const STATS_SPAN_MS = 24 * 60 * 60 * 1_000;
/** Of a delivery that was cancelled by a call. */
const CANCEL_REASON = 'requested';

export class Deliveries {
  readonly #ports: ServicePorts;
  readonly #webhooks: Webhooks;
  readonly #events: Events;

  constructor(ports: ServicePorts, webhooks: Webhooks, events: Events) {
    this.#ports = ports;
    this.#webhooks = webhooks;
    this.#events = events;
  }

  /** The delivery with all its attempts, oldest first. */
  async get(
    accountId: string,
    id: string,
  ): Promise<{ delivery: Delivery; attempts: readonly Attempt[] }> {
    const found = await this.#ports.store.getDelivery(accountId, id);
    return found ?? notFound();
  }

  list(
    accountId: string,
    filter: DeliveryFilter,
    page: PageRequest,
  ): Promise<FilteredPage<Delivery>> {
    return this.#ports.store.listDeliveries(accountId, filter, page);
  }

  /** Throws `not_found` for a webhook that is not there, rather than answer with an empty list. */
  async listOfWebhook(
    accountId: string,
    webhookId: string,
    filter: DeliveryFilter,
    page: PageRequest,
  ): Promise<FilteredPage<Delivery>> {
    await this.#webhooks.get(accountId, webhookId);
    return this.list(accountId, { ...filter, webhookId }, page);
  }

  async listOfEvent(
    accountId: string,
    eventId: string,
    filter: DeliveryFilter,
    page: PageRequest,
  ): Promise<FilteredPage<Delivery>> {
    await this.#events.get(accountId, eventId);
    return this.list(accountId, { ...filter, eventId }, page);
  }

  /** A new delivery of the same event, with a full schedule of its own, at the end of the queue. */
  async redeliver(
    accountId: string,
    deliveryId: string,
    once?: Once<Delivery>,
  ): Promise<Outcome<Delivery>> {
    const { store, clock, newId, vault, limits } = this.#ports;
    const now = clock.now();
    const newDeliveryId = newId('delivery');
    const { delivery } = await this.get(accountId, deliveryId);
    const expected = redelivered(delivery, newDeliveryId, now);
    const keep = { vault, keepMs: limits.idempotencyKeepMs };
    const record = onceRecord(once, expected, { accountId, now }, keep);
    const call = { accountId, deliveryId, newId: newDeliveryId, createdAt: now, once: record };
    const outcome = outcomeOf(await store.redeliver(call), once, accountId, vault);
    if ('replay' in outcome) return outcome;
    const { result } = outcome;
    if (result === 'missing') return notFound();
    if (result === 'webhook_missing') {
      throw new PosthornError('webhook_disabled', 'The webhook of this delivery was deleted.');
    }
    if (result === 'webhook_disabled') {
      throw new PosthornError(
        'webhook_disabled',
        'The webhook of this delivery is disabled: set its status to "active" first.',
      );
    }
    return { result };
  }

  /** When this is fulfilled, no exchange of it starts any more; one in progress may still end. */
  async cancel(
    accountId: string,
    deliveryId: string,
    once?: Once<Delivery>,
  ): Promise<Outcome<Delivery>> {
    const { store, clock, control, vault, limits } = this.#ports;
    const { delivery } = await this.get(accountId, deliveryId);
    const cancelled = cancelledOf(delivery);
    const keep = { vault, keepMs: limits.idempotencyKeepMs };
    const record = onceRecord(once, cancelled, { accountId, now: clock.now() }, keep);
    const call = { accountId, deliveryId, reason: CANCEL_REASON, once: record };
    const outcome = outcomeOf(await store.cancelDelivery(call), once, accountId, vault);
    if ('result' in outcome) expectCancelled(outcome.result);
    // Of a call that comes again, too: the first one may have given up waiting.
    const webhook = { accountId, webhookId: delivery.webhookId };
    await expectAcknowledged(clock, control.deliveryCancelled(webhook, deliveryId));
    return 'replay' in outcome ? outcome : { result: cancelled };
  }

  async stats(
    accountId: string,
    webhookId: string,
  ): Promise<{ since: number; stats: DeliveryStats }> {
    const { heldUntil } = await this.#webhooks.get(accountId, webhookId);
    const since = this.#ports.clock.now() - STATS_SPAN_MS;
    const stats = await this.#ports.store.deliveryStats({ accountId, webhookId }, since);
    if (stats.nextDueAt === null || heldUntil === null) return { since, stats };
    return { since, stats: { ...stats, nextDueAt: Math.max(stats.nextDueAt, heldUntil) } };
  }
}

/** How the new delivery will look, before it is stored: what is answered is stored with it. */
function redelivered(original: Delivery, id: string, createdAt: number): Delivery {
  return {
    ...original,
    id,
    createdAt,
    dueAt: createdAt,
    trigger: 'manual',
    status: 'pending',
    cancelReason: null,
    attemptCount: 0,
    lastAttempt: null,
  };
}

/** How it will look, before that is stored, as above. */
function cancelledOf(delivery: Delivery): Delivery {
  return { ...delivery, status: 'cancelled', dueAt: null, cancelReason: CANCEL_REASON };
}

function expectCancelled(result: Delivery | 'missing' | 'ended'): void {
  if (result === 'missing') notFound();
  if (result === 'ended') {
    throw new PosthornError(
      'delivery_ended',
      'The delivery has ended: there is nothing left to cancel.',
    );
  }
}

function notFound(): never {
  throw new PosthornError('not_found', 'There is no such delivery.');
}
