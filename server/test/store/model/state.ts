import type {
  Attempt,
  Delivery,
  Event,
  EventType,
  LaneMemory,
  Recovery,
  Webhook,
} from '../../../src/core/model.ts';
import type { DueDelivery, Earlier, Store, WebhookRef } from '../../../src/core/ports.ts';

/** What a store has to keep, in plain maps and arrays. Nothing here knows SQL, pages of it or indexes. */
export interface State {
  readonly eventTypes: Map<string, EventType>;
  /** By account: grows with each change of its webhooks. */
  readonly versions: Map<string, number>;
  readonly webhooks: Map<string, KeptWebhook>;
  readonly events: Map<string, Event>;
  /** In the order in which they were made. */
  readonly deliveries: Map<string, KeptDelivery>;
  readonly recoveries: Map<string, KeptRecovery>;
  /** By account and key. */
  readonly records: Map<string, KeptRecord>;
}

export interface KeptWebhook extends Webhook {
  isDeleted: boolean;
  memory: LaneMemory | null;
}

export interface KeptDelivery extends Omit<Delivery, 'lastAttempt'> {
  /** Its place in the order of acceptance; null for a test call, which is never pending. */
  seq: number | null;
  attempts: Attempt[];
}

export interface KeptRecovery extends Recovery {
  /** Bare; events behind it are still to be looked at. */
  position: string;
}

export interface KeptRecord extends Earlier {
  expiresAt: number;
  /** It has expired, and a call with its key that did nothing may have removed it. */
  isDoubtful: boolean;
}

export function emptyState(eventTypes: readonly EventType[]): State {
  return {
    eventTypes: new Map(eventTypes.map((type) => [type.name, type])),
    versions: new Map(),
    webhooks: new Map(),
    events: new Map(),
    deliveries: new Map(),
    recoveries: new Map(),
    records: new Map(),
  };
}

/** What the model cannot know by itself: the ids and places that the store gave in this call. */
export interface Made {
  /** Takes out of what was handed over; undefined where there is none. */
  take(isWanted: (delivery: DueDelivery) => boolean): DueDelivery | undefined;
  /** Whether this one was answered before the call was made, or is an earlier part of it. */
  isBefore(delivery: KeptDelivery): boolean;
}

/** What the store has to answer to a call, after which the state is another. */
export type Answers<Name extends keyof Store> = {
  [Each in Name]: (
    made: Made,
    ...args: Parameters<Store[Each]>
  ) => Awaited<ReturnType<Store[Each]>>;
};

export function liveWebhook(state: State, accountId: string, id: string): KeptWebhook | undefined {
  const found = state.webhooks.get(id);
  return found?.accountId === accountId && !found.isDeleted ? found : undefined;
}

export function deliveryOf(state: State, accountId: string, id: string): KeptDelivery | undefined {
  const found = state.deliveries.get(id);
  return found?.accountId === accountId ? found : undefined;
}

/** What is pending of a webhook, in the order of acceptance. */
export function pendingOf(
  state: State,
  { accountId, webhookId }: Readonly<WebhookRef>,
): KeptDelivery[] {
  return [...state.deliveries.values()]
    .filter((one) => one.accountId === accountId && one.webhookId === webhookId)
    .filter(({ status }) => status === 'pending')
    .sort((a, b) => seqOf(a) - seqOf(b));
}

export function seqOf({ seq, id }: KeptDelivery): number {
  if (seq === null) throw new Error(`${id} was never pending`);
  return seq;
}

export function rowOf({ seq, attempts, ...row }: KeptDelivery): Delivery {
  return { ...row, lastAttempt: attempts.at(-1) ?? null };
}

export function dueOf(state: State, delivery: KeptDelivery): DueDelivery {
  const { accountId, id, webhookId, eventId, eventType, trigger, attemptCount, dueAt } = delivery;
  const body = state.events.get(eventId)?.body ?? '';
  return {
    ...{ seq: seqOf(delivery), accountId, id, webhookId, trigger, attemptCount },
    ...{ event: { id: eventId, type: eventType, body }, dueAt: dueAt ?? 0 },
  };
}

/** Without its prefix, as ids are compared. */
export function bare(id: string): string {
  return id.slice(id.lastIndexOf('_') + 1);
}

export function newestFirst<Item extends { id: string }>(items: Iterable<Item>): Item[] {
  return [...items].sort((a, b) => (bare(a.id) < bare(b.id) ? 1 : -1));
}
