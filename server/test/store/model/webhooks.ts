import type { Rotation, Webhook } from '../../../src/core/model.ts';
import type { LaneRef, NewSecret, WebhookChanges } from '../../../src/core/ports.ts';
import { runOnce } from './once.ts';
import { type Answers, type KeptWebhook, liveWebhook, newestFirst, type State } from './state.ts';

type Operations =
  | 'createWebhook'
  | 'getWebhook'
  | 'listWebhooks'
  | 'updateWebhook'
  | 'rotateSecret'
  | 'deleteWebhook'
  | 'disableWebhook'
  | 'holdWebhook'
  | 'preferNewSecret'
  | 'rememberLane'
  | 'subscriptions'
  | 'target';

export function webhookAnswers(state: State): Answers<Operations> {
  return {
    createWebhook: (_, webhook, { perAccountMax }, once) =>
      runOnce(state, webhook.accountId, once, (keep) => {
        if (ofAccount(webhook.accountId).length >= perAccountMax) return 'too_many';
        keep();
        state.webhooks.set(webhook.id, { ...webhook, isDeleted: false, memory: null });
        raiseVersion(webhook.accountId);
        return 'created';
      }),

    getWebhook(_, accountId, id) {
      const found = liveWebhook(state, accountId, id);
      return found === undefined ? null : shown(found);
    },

    listWebhooks(_, accountId, { limit, after }) {
      const all = newestFirst(ofAccount(accountId)).filter(
        ({ id }) => after === undefined || id < after,
      );
      return { items: all.slice(0, limit).map(shown), hasMore: all.length > limit };
    },

    updateWebhook: (_, accountId, id, changes, now) => update(accountId, id, changes, now),

    rotateSecret: (_, { accountId, webhookId, secret, rotatedAt, once }) =>
      runOnce(state, accountId, once, (keep) => {
        if (update(accountId, webhookId, { secret }, rotatedAt) === null) return 'missing';
        keep();
        return 'rotated';
      }),

    deleteWebhook(_, accountId, id) {
      const found = liveWebhook(state, accountId, id);
      if (found === undefined) return 'missing';
      Object.assign(found, { isDeleted: true, memory: null });
      Object.assign(found, { secretSealed: '', secretHint: '', rotation: null });
      raiseVersion(accountId);
      return 'deleted';
    },

    disableWebhook(_, lane, reason, now) {
      const found = liveLane(lane);
      if (found === undefined || found.status === 'disabled') return 'unchanged';
      Object.assign(found, { status: 'disabled', disabledReason: reason, updatedAt: now });
      raiseVersion(lane.accountId);
      return 'disabled';
    },

    holdWebhook(_, lane, until) {
      const found = liveLane(lane);
      if (found === undefined) return;
      found.heldUntil = until === null ? null : Math.max(found.heldUntil ?? 0, until);
    },

    preferNewSecret(_, { accountId, webhookId }, sealed) {
      const found = liveWebhook(state, accountId, webhookId);
      if (found?.secretSealed !== sealed || found.rotation === null) return;
      found.rotation = { ...found.rotation, prefersNew: true };
    },

    rememberLane(_, lane, memory) {
      const found = liveLane(lane);
      if (found !== undefined) found.memory = memory;
    },

    subscriptions: (_, accountId) => ({
      version: state.versions.get(accountId) ?? 0,
      webhooks: ofAccount(accountId)
        .filter(({ status }) => status !== 'disabled')
        .map(({ id, events }) => ({ id, events })),
    }),

    target(_, { accountId, webhookId }) {
      const found = state.webhooks.get(webhookId);
      if (found?.accountId !== accountId) return null;
      const { url, secretSealed, rotation, heldUntil, settings, memory, createdAt } = found;
      const changedAt = found.updatedAt === createdAt ? null : found.updatedAt;
      const status = found.isDeleted ? 'deleted' : found.status;
      return {
        ...{ accountId, webhookId, url, secretSealed, rotation, heldUntil, settings },
        ...{ changedAt, status, memory },
      };
    },
  };

  function ofAccount(accountId: string): KeptWebhook[] {
    return [...state.webhooks.values()].filter(
      (one) => one.accountId === accountId && !one.isDeleted,
    );
  }

  function raiseVersion(accountId: string): void {
    state.versions.set(accountId, (state.versions.get(accountId) ?? 0) + 1);
  }

  function liveLane({ accountId, webhookId, url }: LaneRef): KeptWebhook | undefined {
    const found = liveWebhook(state, accountId, webhookId);
    return url === undefined || found?.url === url ? found : undefined;
  }

  function update(
    accountId: string,
    id: string,
    { settings, secret, ...plain }: WebhookChanges,
    now: number,
  ): Webhook | null {
    const found = liveWebhook(state, accountId, id);
    if (found === undefined) return null;
    const isElsewhere = plain.url !== undefined && plain.url !== found.url;
    const isEnabled =
      found.status === 'disabled' && plain.status !== undefined && plain.status !== 'disabled';
    Object.assign(found, plain, {
      settings: { ...found.settings, ...settings },
      updatedAt: now,
      ...(isElsewhere ? { heldUntil: null } : {}),
      ...(isElsewhere || isEnabled ? { memory: null } : {}),
    });
    if (secret !== undefined) rotate(found, secret, now);
    raiseVersion(accountId);
    return shown(found);
  }
}

/** Never more than two: the one that receivers go by stays beside the new one. */
function rotate(
  webhook: KeptWebhook,
  { sealed, hint, overlapUntil }: NewSecret,
  now: number,
): void {
  const { rotation, secretSealed } = webhook;
  const goesByOlder = rotation !== null && rotation.until > now && !rotation.prefersNew;
  const beforeSealed = goesByOlder ? rotation.beforeSealed : secretSealed;
  const next: Rotation | null =
    overlapUntil === null ? null : { beforeSealed, until: overlapUntil, prefersNew: false };
  Object.assign(webhook, { secretSealed: sealed, secretHint: hint, rotation: next });
}

function shown({ isDeleted, memory, ...webhook }: KeptWebhook): Webhook {
  return webhook;
}
