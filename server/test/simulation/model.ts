import type {
  DeliveryStatus,
  Trigger,
  Webhook,
  WebhookSettings,
  WebhookStatus,
} from '../../src/core/model.ts';
import type { Store, WebhookRef } from '../../src/core/ports.ts';
import type { Life } from './lives.ts';

/** What a call of the store is given. */
export type Args<Name extends keyof Store> = Parameters<Store[Name]>;

/**
 * What has to be true, in plain maps: told of each call that the store has executed, in their order, and
 * of nothing else. It knows no SQL and no lanes.
 */
export interface Model {
  readonly webhooks: Map<string, ModelWebhook>;
  readonly events: Map<string, ModelEvent>;
  readonly deliveries: Map<string, ModelDelivery>;
  readonly recoveries: Map<string, ModelRecovery>;
  /** The ids of deliveries that were asked for by hand, before they are stored. */
  readonly redeliveries: Set<string>;
  /** By account: grows with each change of its webhooks. */
  readonly versions: Map<string, number>;
  /** By account and idempotency key: what was answered first. */
  readonly answers: Map<string, string>;
}

export function emptyModel(): Model {
  return {
    webhooks: new Map(),
    events: new Map(),
    deliveries: new Map(),
    recoveries: new Map(),
    redeliveries: new Set(),
    versions: new Map(),
    answers: new Map(),
  };
}

/** A webhook as it was from one change to the next. */
export interface Version {
  status: WebhookStatus | 'deleted';
  url: string;
  events: readonly string[];
  settings: WebhookSettings;
  secret: string;
  before: { secret: string; until: number } | null;
}

export interface ModelWebhook {
  ref: WebhookRef;
  versions: Version[];
  /** The index of the newest version that the engine has acknowledged. */
  acknowledged: number;
  /** When it was stored that the receiver knows the new secret of a rotation; null: it does not. */
  prefersNewSince: number | null;
  /** When the engine was last asked to read the webhook, and when it last did. */
  askedAt: number;
  readAt: number;
  /** What is pending, in the order of acceptance. */
  pending: Map<number, ModelDelivery>;
  /**
   * What was never handed over to the engine that lives now: it does not count it, and yet takes it off when
   * it has found and ended it.
   */
  unheard: Set<number>;
  /** How much was pending, each time that something was added lately. */
  backlog: { at: number; count: number }[];
  /** Since when more is pending that was heard of than may be; null while that is not so. */
  overfullSince: number | null;
  /** Every exchange that was sent to it, test calls apart. */
  exchanges: ModelExchange[];
  /** Each moment that its receiver has ever asked to wait for. */
  holds: Set<number>;
  /** When a test call was delivered last: that ends a hold. */
  testedAt: number;
  /** Nothing may be sent before: what the receiver asked for and the engine has heard. */
  hold: { until: number; heardAt: number; life: Life; isStored: boolean } | null;
}

export interface ModelEvent {
  accountId: string;
  id: string;
  type: string;
  body: string;
  isTest: boolean;
  /** Its deliveries, by webhook. */
  deliveries: Map<string, ModelDelivery[]>;
}

export interface ModelDelivery {
  seq: number;
  accountId: string;
  id: string;
  webhook: ModelWebhook;
  event: ModelEvent;
  trigger: Trigger;
  status: DeliveryStatus;
  cancelReason: string | null;
  /** The call that cancelled it was answered. */
  isCancelAcknowledged: boolean;
  attemptCount: number;
  /** What the attempts were, as far as they were written. */
  attempts: { id: string; number: number; startedAt: number }[];
  /** When it is to be tried, by the wall clock. */
  dueAt: number;
  /** When that was written, by the monotonic one. */
  dueSince: number;
  exchanges: ModelExchange[];
}

export interface ModelRecovery {
  accountId: string;
  id: string;
  webhook: ModelWebhook;
  until: number;
  /** The id, without its prefix, of the last event that was looked at. */
  position: string;
  isDone: boolean;
}

export interface ModelExchange {
  life: Life;
  delivery: ModelDelivery;
  number: number;
  /** The second try of an attempt, with the other secret. */
  isSecondTry: boolean;
  url: string;
  signedWith: string;
  /** The wall clock, and the monotonic one. */
  startedAt: number;
  sentAt: number;
  /** The index of the oldest version that the webhook may have been for the engine when it was sent. */
  allowed: number;
  /** What became of it, as the engine heard it; null while it is open. */
  ended: {
    at: number;
    monotonic: number;
    status: number | null;
    /** The newest version at that moment. */
    newest: number;
  } | null;
  isSent: boolean;
  isSettled: boolean;
}

export function newestOf(webhook: ModelWebhook): Version {
  const newest = webhook.versions.at(-1);
  if (newest === undefined) throw new Error('a webhook has a version');
  return newest;
}

/** What the webhook may be for the engine: the version it has acknowledged, or one behind it. */
export function allowedOf(webhook: ModelWebhook): Version[] {
  return webhook.versions.slice(webhook.acknowledged);
}

export function versionOf(webhook: Webhook, secret: string): Version {
  const { status, url, events, settings } = webhook;
  return { status, url, events, settings, secret, before: null };
}

/** The keys of `Model.answers`. */
export function answerKey(accountId: string, key: string): string {
  return `${accountId} ${key}`;
}
