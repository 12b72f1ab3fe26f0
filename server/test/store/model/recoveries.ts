import { covers } from '../../../src/core/event-types.ts';
import { firstIdAt } from '../../../src/core/ids.ts';
import type { Event } from '../../../src/core/model.ts';
import { addPending } from './deliveries.ts';
import { runOnce } from './once.ts';
import {
  type Answers,
  bare,
  type KeptRecovery,
  type KeptWebhook,
  liveWebhook,
  newestFirst,
  type State,
} from './state.ts';

type Operations = 'createRecovery' | 'getRecovery' | 'recoverStep' | 'runningRecoveries';

export function recoveryAnswers(state: State): Answers<Operations> {
  return {
    createRecovery: (_, { once, ...recovery }) =>
      runOnce(state, recovery.accountId, once, (keep) => {
        const webhook = liveWebhook(state, recovery.accountId, recovery.webhookId);
        if (webhook === undefined) return 'webhook_missing';
        if (webhook.status === 'disabled') return 'webhook_disabled';
        if (running().some(({ webhookId }) => webhookId === webhook.id)) return 'already_running';
        keep();
        state.recoveries.set(recovery.id, { ...recovery, position: firstIdAt(recovery.since) });
        return 'created';
      }),

    getRecovery(_, accountId, id) {
      const found = state.recoveries.get(id);
      if (found?.accountId !== accountId) return null;
      const { position, ...recovery } = found;
      return recovery;
    },

    runningRecoveries: () =>
      running().map(({ id, accountId, webhookId }) => ({ id, webhook: { accountId, webhookId } })),

    recoverStep(made, { accountId, id, limit, now }) {
      const found = state.recoveries.get(id);
      if (found?.accountId !== accountId || found.status !== 'running') {
        return { made: 0, isDone: true };
      }
      const webhook = liveWebhook(state, accountId, found.webhookId);
      if (webhook === undefined || webhook.status === 'disabled') {
        Object.assign(found, { status: 'cancelled', endedAt: now });
        return { made: 0, isDone: true };
      }
      const page = eventsBehind(found).slice(0, limit);
      const missed = page.filter((event) => isMissed(event, webhook));
      for (const { id: eventId, type: eventType } of missed) {
        const due = made.take(
          (one) =>
            one.event.id === eventId &&
            one.webhookId === webhook.id &&
            one.trigger === 'manual' &&
            !state.deliveries.has(one.id),
        );
        const what = { accountId, id: due?.id ?? '', webhookId: webhook.id, eventId, eventType };
        addPending({ state, made }, due, { ...what, createdAt: now }, 'manual');
      }
      const last = page.at(-1);
      if (last !== undefined) found.position = bare(last.id);
      found.deliveryCount += missed.length;
      const isDone = page.length < limit;
      if (isDone) Object.assign(found, { status: 'done', endedAt: now });
      return { made: missed.length, isDone };
    },
  };

  function running(): KeptRecovery[] {
    return [...state.recoveries.values()].filter(({ status }) => status === 'running');
  }

  /** The oldest first. */
  function eventsBehind({ accountId, position, until }: KeptRecovery): Event[] {
    const below = firstIdAt(until);
    return newestFirst(state.events.values())
      .filter((event) => event.accountId === accountId)
      .filter(({ id }) => bare(id) > position && bare(id) < below)
      .reverse();
  }

  function isMissed({ id, type }: Event, webhook: KeptWebhook): boolean {
    if (id.startsWith('evt_test_')) return false;
    if (!webhook.events.some((subscription) => covers(subscription, type))) return false;
    return ![...state.deliveries.values()].some(
      ({ eventId, webhookId, status }) =>
        eventId === id &&
        webhookId === webhook.id &&
        (status === 'pending' || status === 'delivered'),
    );
  }
}
