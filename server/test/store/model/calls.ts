import { covers } from '../../../src/core/event-types.ts';
import type { NewId } from '../../../src/core/ids.ts';
import { DEFAULT_WEBHOOK_SETTINGS, type DeliveryStatus } from '../../../src/core/model.ts';
import type { LaneRef, OnceRecord, Store } from '../../../src/core/ports.ts';
import { SHARDS } from '../../../src/core/shards.ts';
import type { StoreCall } from '../../../src/store/calls.ts';
import { attemptOf, failedAttemptOf, webhookOf } from '../contract/fixtures.ts';
import { recordName } from './once.ts';
import type { Keyed, Look, Operation, Outcome, Write } from './operations.ts';
import {
  type KeptDelivery,
  type KeptRecovery,
  type KeptWebhook,
  pendingOf,
  type State,
  seqOf,
} from './state.ts';

const WEBHOOKS_MAX = 4;
/** With those that an installation begins with. */
const EVENT_TYPES_MAX = 11;
const RETRY_MS = [0, 1_000, 5_000, 30_000];

/** What an operation is about is found in the model, at this moment. */
export interface Scene {
  state: State;
  accounts: readonly [string, string];
  now: number;
  newId: NewId;
}

/** The calls that an operation is; none where there is nothing of what it is about. */
export function callsOf(operation: Operation, scene: Scene): StoreCall[] {
  if (operation.kind === 'together') {
    throw new Error('each of them has calls of its own');
  }
  return operation.kind.startsWith('lookAt')
    ? looksOf(operation as Look, scene)
    : writesOf(operation as Write, scene);
}

/** What every run begins with: two webhooks of one account and one of another, for everything. */
export function firstWebhooks(scene: Scene): StoreCall[] {
  const { accounts, newId, now } = scene;
  return [...accounts, accounts[0]].map((accountId) => {
    const webhook = webhookOf(accountId, newId('webhook'), now);
    return call('createWebhook', webhook, { perAccountMax: WEBHOOKS_MAX }, undefined);
  });
}

/** Everything that there is, at the end of a run. */
export function everything({ state, accounts: [first, second] }: Scene): StoreCall[] {
  const page = { limit: 1_000 };
  const after = { accountId: first, webhookId: '' };
  return [
    ...[first, second].flatMap((account) => [
      call('listEvents', account, {}, page),
      call('listDeliveries', account, {}, page),
      call('listWebhooks', account, page),
      call('subscriptions', account),
    ]),
    ...[...state.webhooks.values()].flatMap((webhook) => {
      const ref = refOf(webhook);
      const all = { dueBefore: Number.MAX_SAFE_INTEGER, limit: 1_000, bytesMax: 1e9, except: [] };
      return [
        call('target', ref),
        call('due', { ...ref, ...all, ordering: 'strict' }),
        call('due', { ...ref, ...all, ordering: 'none' }),
        call('due', { ...ref, ...all, ordering: 'none', limit: 3 }),
        call('listDeliveries', webhook.accountId, { webhookId: webhook.id }, { limit: 3 }),
        call('deliveryStats', ref, 0),
        call('sendTimes', { ...ref, since: 0, limit: 1_000 }),
      ];
    }),
    ...[...state.deliveries.values()]
      .filter(({ attemptCount }) => attemptCount > 1)
      .map(({ accountId, id }) => call('getDelivery', accountId, id)),
    ...[...state.recoveries.values()].map(({ accountId, id }) =>
      call('getRecovery', accountId, id),
    ),
    call('runningRecoveries'),
    call('webhooksWithPending', { after, limit: 1_000, counts: true }),
    call('eventTypeNames'),
    call('listEventTypes', page),
  ];
}

function writesOf(operation: Write, scene: Scene): StoreCall[] {
  const { state, now, newId } = scene;
  switch (operation.kind) {
    case 'createWebhook': {
      const accountId = accountOf(scene, operation.account);
      const rateLimit = operation.isLimited ? { max: 10, perMs: 1_000 } : null;
      const webhook = {
        ...webhookOf(accountId, newId('webhook'), now),
        events: operation.events,
        settings: { ...DEFAULT_WEBHOOK_SETTINGS, rateLimit },
      };
      const limits = { perAccountMax: WEBHOOKS_MAX };
      return [call('createWebhook', webhook, limits, onceOf(operation.keyed, now))];
    }
    case 'publish':
      return [publishOf(operation, scene)];
    case 'settle':
      return about(
        operation.isLate
          ? webhookOfAge(scene, operation.webhook)
          : busyOfAge(scene, operation.webhook),
        (webhook) => settleOf(operation, webhook, scene),
      );
    case 'change':
      return about(webhookOfAge(scene, operation.webhook), ({ accountId, id }) => [
        call('updateWebhook', theirs(scene, accountId, operation), id, changesOf(operation), now),
      ]);
    case 'rotate':
      return about(webhookOfAge(scene, operation.webhook), ({ accountId, id }) => {
        const { overlapMs, keyed } = operation;
        const overlapUntil = overlapMs === null ? null : now + overlapMs;
        const secret = { sealed: `sealed ${newId('request')}`, hint: 'hint', overlapUntil };
        const ref = { accountId: theirs(scene, accountId, operation), webhookId: id };
        return [call('rotateSecret', { ...ref, secret, rotatedAt: now, ...onceIn(keyed, now) })];
      });
    case 'preferNew':
      return about(webhookOfAge(scene, operation.webhook), (webhook) => {
        const sealed = operation.isStale ? 'another' : webhook.secretSealed;
        return [call('preferNewSecret', refOf(webhook), sealed)];
      });
    case 'delete':
      return about(webhookOfAge(scene, operation.webhook), ({ accountId, id }) => [
        call('deleteWebhook', theirs(scene, accountId, operation), id, now),
      ]);
    case 'disable':
      return about(webhookOfAge(scene, operation.webhook), (webhook) => [
        call('disableWebhook', laneOf(webhook, operation), 'failing', now),
      ]);
    case 'hold':
      return about(liveOfAge(scene, operation.webhook), (webhook) => {
        const { forMs } = operation;
        return [
          call('holdWebhook', laneOf(webhook, operation), forMs === null ? null : now + forMs),
        ];
      });
    case 'remember':
      return about(webhookOfAge(scene, operation.webhook), (webhook) => {
        const { failedAttempts } = operation;
        const failingSince = failedAttempts === 0 ? null : now;
        const memory = { health: 'failing', usualMs: 100, failingSince, failedAttempts } as const;
        return [call('rememberLane', laneOf(webhook, operation), memory)];
      });
    case 'cancel':
      return about(deliveryOfAge(scene, operation.delivery), ({ accountId, id: deliveryId }) => {
        const account = theirs(scene, accountId, operation);
        const what = { accountId: account, deliveryId, reason: 'requested' };
        return [
          call('cancelDelivery', { ...what, ...onceIn(operation.keyed, now) }),
          call('getDelivery', accountId, deliveryId),
        ];
      });
    case 'cancelPending':
      return about(webhookOfAge(scene, operation.webhook), (webhook) => [
        call('cancelPending', refOf(webhook), 'webhook_disabled', operation.limit),
      ]);
    case 'redeliver':
      return about(deliveryOfAge(scene, operation.delivery), ({ accountId, id: deliveryId }) => {
        const what = { accountId: theirs(scene, accountId, operation), deliveryId };
        const made = { ...what, newId: newId('delivery'), createdAt: now };
        return [call('redeliver', { ...made, ...onceIn(operation.keyed, now) })];
      });
    case 'recover':
      return about(webhookOfAge(scene, operation.webhook), ({ accountId, id: webhookId }) => {
        const { sinceMs, untilMs, keyed } = operation;
        const span = { since: Math.max(0, now - sinceMs), until: now - untilMs };
        const what = { accountId: theirs(scene, accountId, operation), webhookId, ...span };
        const fresh = {
          status: 'running',
          deliveryCount: 0,
          createdAt: now,
          endedAt: null,
        } as const;
        const id = newId('recovery');
        return [call('createRecovery', { ...what, id, ...fresh, ...onceIn(keyed, now) })];
      });
    case 'recoverStep':
      return about(recoveryOfAge(scene, operation.recovery), (recovery) => {
        const accountId = theirs(scene, recovery.accountId, operation);
        const { id } = recovery;
        return [
          call('recoverStep', { accountId, id, limit: operation.limit, now }),
          call('getRecovery', recovery.accountId, id),
        ];
      });
    case 'test':
      return about(liveOfAge(scene, operation.webhook), ({ accountId, id: webhookId }) => {
        const id = newId('testEvent');
        const event = {
          accountId,
          id,
          type: 'webhook.test',
          createdAt: now,
          body: '{"test":true}',
        };
        const attempt = (operation.isWell ? attemptOf : failedAttemptOf)(newId('attempt'), {
          startedAt: now,
        });
        const status = operation.isWell ? 'delivered' : 'failed';
        return [
          call('recordTest', { event, deliveryId: newId('delivery'), webhookId, status, attempt }),
        ];
      });
    case 'begin': {
      const { status, body, sealed, ...begun } = recordOf({ ...operation, body: 0 }, now);
      return [call('beginOnce', accountOf(scene, operation.account), begun)];
    }
    case 'complete':
    case 'abandon': {
      const accountId = accountOf(scene, operation.account);
      const record = recordOf({ ...operation, body: 0, keepMs: 1e9 }, now);
      if (state.records.get(recordName(accountId, record.key))?.status !== null) return [];
      return [
        operation.kind === 'complete'
          ? call('completeOnce', accountId, record)
          : call('abandonOnce', accountId, record.key),
      ];
    }
    case 'forget':
      return [call('forgetExpired', now, 1_000)];
    case 'putType': {
      const { name, text } = operation;
      const example = text === 0 ? null : '{"id":1}';
      const type = { name, description: `text ${text}`, schema: text > 1 ? '{}' : null, example };
      return [call('putEventType', type, { max: EVENT_TYPES_MAX }), call('getEventType', name)];
    }
    case 'deleteType':
      return [call('deleteEventType', operation.name)];
  }
}

function looksOf(operation: Look, scene: Scene): StoreCall[] {
  const { state, now, accounts } = scene;
  switch (operation.kind) {
    case 'lookAtWebhook':
      return about(webhookOfAge(scene, operation.webhook), ({ accountId, id: webhookId }) => {
        const account = theirs(scene, accountId, operation);
        return [
          call('getWebhook', account, webhookId),
          call('target', { accountId: account, webhookId }),
        ];
      });
    case 'lookAtWebhooks': {
      const { limit, after } = operation;
      const behind = after === null ? undefined : webhookOfAge(scene, after)?.id;
      const account = accountOf(scene, operation.account);
      return [call('listWebhooks', account, { limit, after: behind })];
    }
    case 'lookAtDue':
      return about(busyOfAge(scene, operation.webhook), (webhook) => {
        const { isStrict, limit, bytesMax, inMemory } = operation;
        const pending = pendingOf(state, refOf(webhook));
        const except = inMemory.flatMap((at) => (pending[at] ? [seqOf(pending[at])] : []));
        const ordering = isStrict ? 'strict' : 'none';
        const page = { dueBefore: now, limit, bytesMax, except };
        return [call('due', { ...refOf(webhook), ordering, ...page })];
      });
    case 'lookAtSendTimes':
      return about(webhookOfAge(scene, operation.webhook), (webhook) => {
        const { sinceMs, limit } = operation;
        return [call('sendTimes', { ...refOf(webhook), since: now - sinceMs, limit })];
      });
    case 'lookAtPending': {
      const { limit, counts, oddShards } = operation;
      const last = operation.after === null ? undefined : webhookOfAge(scene, operation.after);
      const after = last === undefined ? { accountId: accounts[0], webhookId: '' } : refOf(last);
      const odd = Array.from({ length: SHARDS }, (_, shard) => shard).filter((one) => one % 2 > 0);
      const shards = oddShards ? { shards: odd } : {};
      return [call('webhooksWithPending', { after, limit, counts, ...shards })];
    }
    case 'lookAtCount':
      return about(webhookOfAge(scene, operation.webhook), (webhook) => [
        call('countPending', refOf(webhook), operation.max),
      ]);
    case 'lookAtDelivery':
      return about(deliveryOfAge(scene, operation.delivery), ({ accountId, id }) => [
        call('getDelivery', theirs(scene, accountId, operation), id),
      ]);
    case 'lookAtDeliveries': {
      const { webhook, event, status, type, limit, after } = operation;
      const accountId = accountOf(scene, operation.account);
      const mine = [...state.deliveries.values()].filter((one) => one.accountId === accountId);
      const filter = {
        webhookId: webhook === null ? undefined : webhookOfAge(scene, webhook)?.id,
        eventId: event === null ? undefined : ofAge([...state.events.values()], event)?.id,
        status: status ?? undefined,
        type: type ?? undefined,
        ...spanOf(operation, now),
      };
      const behind = after === null ? undefined : ofAge(mine, after)?.id;
      return [call('listDeliveries', accountId, filter, { limit, after: behind })];
    }
    case 'lookAtEvents': {
      const { type, limit, after } = operation;
      const accountId = accountOf(scene, operation.account);
      const mine = [...state.events.values()].filter((one) => one.accountId === accountId);
      const filter = { type: type ?? undefined, ...spanOf(operation, now) };
      const behind = after === null ? undefined : ofAge(mine, after)?.id;
      return [call('listEvents', accountId, filter, { limit, after: behind })];
    }
    case 'lookAtEvent':
      return about(ofAge([...state.events.values()], operation.event), ({ accountId, id }) => [
        call('getEvent', theirs(scene, accountId, operation), id),
      ]);
    case 'lookAtStats':
      return about(webhookOfAge(scene, operation.webhook), ({ accountId, id: webhookId }) => {
        const ref = { accountId: theirs(scene, accountId, operation), webhookId };
        return [call('deliveryStats', ref, now - operation.sinceMs)];
      });
    case 'lookAtRecovery':
      return about(ofAge([...state.recoveries.values()], operation.recovery), (recovery) => [
        call('getRecovery', theirs(scene, recovery.accountId, operation), recovery.id),
      ]);
    case 'lookAtTypes': {
      const { limit, after } = operation;
      return [call('listEventTypes', { limit, after: after ?? undefined })];
    }
  }
}

function publishOf(
  { account, types, matched, keyed }: Extract<Write, { kind: 'publish' }>,
  { state, accounts, now, newId }: Scene,
): StoreCall {
  const accountId = accounts[account] ?? '';
  const version = state.versions.get(accountId) ?? 0;
  const isMatched = matched !== 'by the store';
  const webhooks = [...state.webhooks.values()].filter(
    (one) => one.accountId === accountId && !one.isDeleted && one.status !== 'disabled',
  );
  const events = types.map((type) => {
    const id = newId('event');
    const deliveries = webhooks
      .filter((webhook) => isMatched && webhook.events.some((one) => covers(one, type)))
      .map((webhook) => ({ id: newId('delivery', id), webhookId: webhook.id }));
    return { accountId, id, type, createdAt: now, body: `{"id":"${id}"}`, deliveries };
  });
  const webhooksVersion = {
    'by the caller': version,
    'by the store': null,
    'too early': version - 1,
  };
  return call('publish', {
    ...{ accountId, events, webhooksVersion: webhooksVersion[matched] },
    ...onceIn(keyed, now),
  });
}

/** Attempts at some of what is pending, or of what was cancelled while they were made. */
function settleOf(
  { deliveries, outcome, isSecondTry, isLate }: Extract<Write, { kind: 'settle' }>,
  webhook: KeptWebhook,
  { state, now, newId }: Scene,
): StoreCall[] {
  const all = isLate
    ? [...state.deliveries.values()].filter(
        (one) => one.webhookId === webhook.id && one.status === 'cancelled',
      )
    : pendingOf(state, refOf(webhook));
  const chosen = [...new Set(deliveries.flatMap((one) => ofAge(all, one) ?? []))];
  if (chosen.length === 0) return [];
  const settlements = chosen.map((delivery) => {
    const number = delivery.attemptCount + 1;
    const fields = { number, startedAt: now - 50 };
    const firstTry = isSecondTry ? failedAttemptOf(newId('attempt'), fields) : null;
    const id = newId('attempt');
    const attempt =
      outcome === 'delivered'
        ? attemptOf(id, fields)
        : failedAttemptOf(id, failed(outcome, fields));
    const { accountId, id: deliveryId } = delivery;
    const isRetried = outcome === 'retry';
    const delay = RETRY_MS[number] ?? 0;
    return {
      ...{ seq: seqOf(delivery), epoch: 1, accountId, webhookId: webhook.id, deliveryId },
      ...{ attempt, firstTry, dueAt: isRetried ? now + delay : null },
      status: statusAfter(outcome),
    };
  });
  const settle = call('settle', settlements);
  if (outcome !== 'gone') return [settle];
  return [
    settle,
    call('disableWebhook', laneOf(webhook, { isOtherUrl: false }), 'gone', now),
    call('cancelPending', refOf(webhook), 'webhook_disabled', 10_000),
  ];
}

function failed(outcome: Outcome, fields: { number: number; startedAt: number }) {
  return outcome === 'gone' ? { ...fields, responseCode: 410 } : fields;
}

function statusAfter(outcome: Outcome): DeliveryStatus {
  if (outcome === 'retry') return 'pending';
  return outcome === 'delivered' ? 'delivered' : 'failed';
}

function changesOf({ what }: Extract<Write, { kind: 'change' }>) {
  if ('status' in what) {
    const { status } = what;
    return { status, disabledReason: status === 'disabled' ? 'owner' : null } as const;
  }
  if ('url' in what) return { url: `https://example.com/${what.url}` };
  if ('isLimited' in what) {
    return { settings: { rateLimit: what.isLimited ? { max: 10, perMs: 1_000 } : null } };
  }
  if ('isStrict' in what) {
    return { settings: { ordering: what.isStrict ? 'strict' : 'none' } } as const;
  }
  return what;
}

function spanOf(
  { afterMs, beforeMs }: { afterMs: number | null; beforeMs: number | null },
  now: number,
) {
  return {
    createdAfter: afterMs === null ? undefined : now - afterMs,
    createdBefore: beforeMs === null ? undefined : now - beforeMs,
  };
}

function recordOf({ key, body, keepMs }: NonNullable<Keyed>, now: number): OnceRecord {
  return {
    ...{ key: `key ${key}`, fingerprint: `call ${body}`, status: 202, body: `answer ${now}` },
    ...{ sealed: body === 1, createdAt: now, expiresAt: now + keepMs },
  };
}

function onceOf(keyed: Keyed, now: number): OnceRecord | undefined {
  return keyed === null ? undefined : recordOf(keyed, now);
}

function onceIn(keyed: Keyed, now: number): { once?: OnceRecord } {
  return keyed === null ? {} : { once: recordOf(keyed, now) };
}

function webhookOfAge({ state }: Scene, age: number): KeptWebhook | undefined {
  return ofAge([...state.webhooks.values()], age);
}

function liveOfAge({ state }: Scene, age: number): KeptWebhook | undefined {
  const live = [...state.webhooks.values()].filter(({ isDeleted }) => !isDeleted);
  return ofAge(live, age);
}

function deliveryOfAge({ state }: Scene, age: number): KeptDelivery | undefined {
  return ofAge([...state.deliveries.values()], age);
}

/** One that has something pending, where there is one. */
function busyOfAge({ state }: Scene, age: number): KeptWebhook | undefined {
  const all = [...state.webhooks.values()];
  const busy = all.filter((webhook) => pendingOf(state, refOf(webhook)).length > 0);
  return ofAge(busy.length > 0 ? busy : all, age);
}

/** One that is still running, where there is one. */
function recoveryOfAge({ state }: Scene, age: number): KeptRecovery | undefined {
  const all = [...state.recoveries.values()];
  const running = all.filter(({ status }) => status === 'running');
  return ofAge(running.length > 0 ? running : all, age);
}

/** Counted from the newest, and round again. */
function ofAge<Item>(items: readonly Item[], age: number): Item | undefined {
  return items[items.length - 1 - (age % items.length)];
}

function about<Item>(item: Item | undefined, calls: (item: Item) => StoreCall[]): StoreCall[] {
  return item === undefined ? [] : calls(item);
}

function accountOf({ accounts }: Scene, index: number): string {
  return accounts[index] ?? '';
}

/** Whose call it is. */
function theirs({ accounts }: Scene, owner: string, { isForeign }: { isForeign: boolean }): string {
  const other = accounts.find((one) => one !== owner) ?? owner;
  return isForeign ? other : owner;
}

function refOf({ accountId, id }: KeptWebhook) {
  return { accountId, webhookId: id };
}

/** Of whom the engine has learned something, now or when it had another URL. */
function laneOf(webhook: KeptWebhook, { isOtherUrl }: { isOtherUrl: boolean }): LaneRef {
  const url = isOtherUrl ? 'https://example.com/before' : webhook.url;
  return { ...refOf(webhook), url, epoch: 1 };
}

function call<Name extends Exclude<keyof Store, 'close'>>(
  operation: Name,
  ...args: Parameters<Store[Name]>
): StoreCall {
  return { operation, args };
}
