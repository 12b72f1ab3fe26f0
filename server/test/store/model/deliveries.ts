import { covers } from '../../../src/core/event-types.ts';
import type { Trigger } from '../../../src/core/model.ts';
import type { DueDelivery, NewEvent, Settlement, SettleResult } from '../../../src/core/ports.ts';
import { Difference, expectSame } from './difference.ts';
import { runOnce } from './once.ts';
import {
  type Answers,
  deliveryOf,
  type KeptDelivery,
  liveWebhook,
  type Made,
  pendingOf,
  rowOf,
  type State,
} from './state.ts';

type Operations =
  | 'publish'
  | 'recordTest'
  | 'settle'
  | 'redeliver'
  | 'cancelDelivery'
  | 'cancelPending';

export function deliveryAnswers(state: State): Answers<Operations> {
  return {
    publish: (made, { accountId, events, webhooksVersion, once }) =>
      runOnce(state, accountId, once, (keep) => {
        const version = state.versions.get(accountId) ?? 0;
        if (webhooksVersion !== null && webhooksVersion !== version) return 'stale';
        keep();
        for (const event of events) accept(made, event);
        return 'accepted';
      }),

    recordTest(_, { event, deliveryId, webhookId, status, attempt }) {
      const { accountId, id: eventId, type: eventType, createdAt } = event;
      state.events.set(eventId, event);
      state.deliveries.set(deliveryId, {
        ...{ accountId, id: deliveryId, webhookId, eventId, eventType, createdAt },
        ...{ trigger: 'test', status, seq: null, dueAt: null, cancelReason: null },
        ...{ attemptCount: attempt.number, attempts: [attempt] },
      });
    },

    settle: (_, settlements) => settlements.map(settle),

    redeliver: (made, { accountId, deliveryId, newId, createdAt, once }) =>
      runOnce(state, accountId, once, (keep) => {
        const original = deliveryOf(state, accountId, deliveryId);
        if (original === undefined) return 'missing';
        const webhook = liveWebhook(state, accountId, original.webhookId);
        if (webhook === undefined) return 'webhook_missing';
        if (webhook.status === 'disabled') return 'webhook_disabled';
        keep();
        const due = made.take(({ id }) => id === newId);
        return rowOf(
          addPending({ state, made }, due, { ...original, id: newId, createdAt }, 'manual'),
        );
      }),

    cancelDelivery: (_, { accountId, deliveryId, reason, once }) =>
      runOnce(state, accountId, once, (keep) => {
        const found = deliveryOf(state, accountId, deliveryId);
        if (found === undefined) return 'missing';
        if (found.status !== 'pending') return 'ended';
        keep();
        cancel(found, reason);
        return rowOf(found);
      }),

    cancelPending(_, { accountId, webhookId }, reason, limit) {
      const live = liveWebhook(state, accountId, webhookId);
      if (live !== undefined && live.status !== 'disabled') return 0;
      const ended = inTurnOfCancelling(pendingOf(state, { accountId, webhookId })).slice(0, limit);
      for (const one of ended) cancel(one, reason);
      return ended.length;
    },
  };

  /** Exactly the webhooks that subscribe at this moment get it. */
  function accept(made: Made, { deliveries, ...event }: NewEvent): void {
    state.events.set(event.id, event);
    const { accountId, id: eventId, type: eventType, createdAt } = event;
    for (const webhook of state.webhooks.values()) {
      if (webhook.accountId !== accountId || webhook.isDeleted) continue;
      if (webhook.status === 'disabled') continue;
      if (!webhook.events.some((subscription) => covers(subscription, eventType))) continue;
      const due = made.take((one) => one.event.id === eventId && one.webhookId === webhook.id);
      const id = deliveries.find(({ webhookId }) => webhookId === webhook.id)?.id ?? due?.id ?? '';
      const what = { accountId, id, webhookId: webhook.id, eventId, eventType, createdAt };
      addPending({ state, made }, due, what, 'schedule');
    }
  }

  function settle(settlement: Settlement): SettleResult {
    const { accountId, deliveryId, attempt, firstTry, status, dueAt } = settlement;
    const found = deliveryOf(state, accountId, deliveryId);
    if (found === undefined) throw new Error(`there is no delivery ${deliveryId}`);
    found.attempts.push(...(firstTry === null ? [] : [firstTry]), attempt);
    found.attemptCount = attempt.number;
    if (found.status !== 'pending') return 'ended';
    Object.assign(found, { status, dueAt });
    return 'settled';
  }
}

type NewDelivery = Pick<
  KeptDelivery,
  'accountId' | 'id' | 'webhookId' | 'eventId' | 'eventType' | 'createdAt'
>;

/** As it was handed over; what is not there, or is not as it has to be, is a difference. */
export function addPending(
  { state, made }: { state: State; made: Made },
  due: DueDelivery | undefined,
  { accountId, id, webhookId, eventId, eventType, createdAt }: NewDelivery,
  trigger: Trigger,
): KeptDelivery {
  if (due === undefined) throw new Difference(`${eventId} is not handed over for ${webhookId}`);
  const body = state.events.get(eventId)?.body ?? '';
  const wanted: DueDelivery = {
    ...{ seq: due.seq, accountId, id, webhookId, trigger, attemptCount: 0, dueAt: createdAt },
    event: { id: eventId, type: eventType, body },
  };
  expectSame('what is handed over', due, wanted);
  const ofWebhook = [...state.deliveries.values()].filter((one) => one.webhookId === webhookId);
  if (ofWebhook.some((one) => made.isBefore(one) && (one.seq ?? 0) >= due.seq)) {
    throw new Difference(`${id} has place ${due.seq}, before what was accepted before it`);
  }
  const delivery: KeptDelivery = {
    ...{ accountId, id, webhookId, eventId, eventType, trigger, createdAt, dueAt: createdAt },
    ...{ seq: due.seq, status: 'pending', cancelReason: null, attemptCount: 0, attempts: [] },
  };
  state.deliveries.set(id, delivery);
  return delivery;
}

function cancel(delivery: KeptDelivery, reason: string): void {
  Object.assign(delivery, { status: 'cancelled', dueAt: null, cancelReason: reason });
}

/** What was never tried, then what is to be tried again by due time. */
function inTurnOfCancelling(pending: readonly KeptDelivery[]): KeptDelivery[] {
  const tried = pending.filter(({ attemptCount }) => attemptCount > 0);
  return [
    ...pending.filter(({ attemptCount }) => attemptCount === 0),
    ...tried.sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0)),
  ];
}
