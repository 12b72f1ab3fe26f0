import type { Fault } from './errors.ts';
import type {
  Attempt,
  AttemptFailure,
  AttemptNote,
  Delivery,
  DeliveryStatus,
  DisabledReason,
  Event,
  EventType,
  LaneMemory,
  Ordering,
  Recovery,
  Rotation,
  Trigger,
  Webhook,
  WebhookSettings,
} from './model.ts';

/**
 * What `core`, `service` and `engine` need from the outside. The same engine runs over real ones
 * (`platform`, `store`, undici) and over simulated ones.
 */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Unix milliseconds. May jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds since some moment; never goes back. */
  monotonic(): number;
  /** Calls once, after at least so many milliseconds; with none, when all that is ready has been handled. */
  after(delayMs: number, call: () => void): Timer;
}

export interface Random {
  /** 0 to 255, from a cryptographic source. */
  byte(): number;
  bytes(count: number): Uint8Array;
  /** At least 0 and below 1; need not be cryptographic. */
  fraction(): number;
}

/** Keeps secrets unreadable at rest. What is sealed for one place cannot be opened for another. */
export interface Vault {
  /** `place` names account, table, row and column; it is authenticated, not stored. */
  seal(plain: string, place: string): string;
  /** Throws when the key is not the one it was sealed with, or the place is another. */
  open(sealed: string, place: string): string;
}

/**
 * Positions in lists, for callers to hand back. A cursor is good only for the list it was made for:
 * `list` names the account, the route and its filters.
 */
export interface Cursors {
  write(position: string, list: string): string;
  /** Null when it was not made here, or for another list. */
  read(cursor: string, list: string): string | null;
}

/** Whether an IP address may be reached. */
export interface AddressPolicy {
  verdict(address: string): 'allowed' | 'blocked';
}

/** Something that may be heard: log, metrics and tests listen; unheard it costs nothing. */
export interface Announcement<Message> {
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
}

// ---------------------------------------------------------------------------------------------
// Store

export interface PageRequest {
  limit: number;
  /** The id behind which the page begins, newest first; undefined for the first page. */
  after?: string | undefined;
}

export interface Page<Item> {
  items: Item[];
  hasMore: boolean;
}

/**
 * A page of a list with filters, newest first. It may have fewer than `limit` and yet `hasMore`: one
 * call looks at a bounded number of rows, however few of them the filter lets through.
 */
export interface FilteredPage<Item> extends Page<Item> {
  /** The id of the last row that was looked at: the next page begins behind it. */
  end: string | null;
}

/** What a publish inserts for each webhook that subscribed. */
export interface NewDelivery {
  id: string;
  webhookId: string;
}

export interface NewEvent extends Event {
  deliveries: readonly NewDelivery[];
}

/** One publish: one event or many, all or nothing. */
export interface NewEvents {
  accountId: string;
  events: readonly NewEvent[];
  /**
   * The version of the account's webhooks that the deliveries were matched against; null: the store
   * matches by itself, whatever the version is, and `deliveries` are empty.
   */
  webhooksVersion: number | null;
  once?: OnceRecord | undefined;
}

/**
 * What makes a call happen once: its idempotency key, and what is answered when the same call comes
 * again. It is written in the transaction of the call itself.
 */
export interface OnceRecord {
  key: string;
  /** A digest of the call; the same key with another one is a mistake of the caller. */
  fingerprint: string;
  status: number;
  /** The answer's body; sealed by the vault when it shows a secret. */
  body: string;
  sealed: boolean;
  createdAt: number;
  expiresAt: number;
}

/** A record that was there already; `status` is null while that call is still in progress. */
export interface Earlier {
  fingerprint: string;
  status: number | null;
  body: string;
  sealed: boolean;
}

/** `earlier`: this idempotency key was used before; nothing was done. */
export type OnceResult<Result> = { result: Result } | { earlier: Earlier };

/** What is sent; one object for all the deliveries of an event that are handed over together. */
export interface DueEvent {
  id: string;
  type: string;
  body: string;
  /** The body as it is sent, from when it is sent first. */
  bytes?: Uint8Array;
}

/** A pending delivery with everything that sending it needs, the webhook's settings apart. */
export interface DueDelivery {
  /** Its place in the order of acceptance; also the store's own key for it. */
  seq: number;
  accountId: string;
  id: string;
  webhookId: string;
  event: DueEvent;
  trigger: Trigger;
  /** How many attempts were made before. */
  attemptCount: number;
  dueAt: number;
  /**
   * Under which its shard was owned in the transaction that made it pending, when it is handed over; none
   * where there is one node only.
   */
  epoch?: number;
}

/** An attempt that has ended, and what follows from it. */
export interface Settlement {
  seq: number;
  /** Under which its lane sent it; always 1 where there is one node only. */
  epoch: number;
  accountId: string;
  webhookId: string;
  deliveryId: string;
  /** The one that decides. */
  attempt: Attempt;
  /** The first try, with the same number, when `attempt` is a second one with the other secret; else null. */
  firstTry: Attempt | null;
  status: DeliveryStatus;
  /** When the next attempt is due; null unless the status is `pending`. */
  dueAt: number | null;
}

/**
 * `ended`: somebody cancelled it meanwhile; the attempt is kept, the status is not changed.
 * `fenced`: the webhook's shard has another epoch by now, so somebody else delivers; nothing was written.
 */
export type SettleResult = 'settled' | 'ended' | 'fenced';

export interface TestRecord {
  event: Event;
  deliveryId: string;
  webhookId: string;
  status: 'delivered' | 'failed';
  attempt: Attempt;
}

export interface EventFilter {
  type?: string | undefined;
  /** Unix milliseconds; at or after. */
  createdAfter?: number | undefined;
  /** Unix milliseconds; before. */
  createdBefore?: number | undefined;
}

export interface DeliveryFilter extends EventFilter {
  webhookId?: string | undefined;
  eventId?: string | undefined;
  status?: DeliveryStatus | undefined;
}

export interface Redelivery {
  accountId: string;
  /** The one to send again. */
  deliveryId: string;
  newId: string;
  createdAt: number;
  once?: OnceRecord | undefined;
}

/** What a webhook's newest deliveries say about it. */
export interface DeliveryStats {
  /** Deliveries looked at: the newest since `since`, at most so many. */
  counted: number;
  /** Whether that is all there are since then. */
  complete: boolean;
  delivered: number;
  failed: number;
  cancelled: number;
  /** All that is pending, whenever it was made; counted up to a bound. */
  pending: number;
  pendingComplete: boolean;
  /** When the first of them is due. */
  nextDueAt: number | null;
  /** Of those looked at that had a response, ascending. */
  responseTimesMs: number[];
}

/** A change of `url` also ends a hold and forgets what is known of the receiver. */
export interface WebhookChanges {
  url?: string;
  events?: readonly string[];
  description?: string;
  status?: Webhook['status'];
  disabledReason?: DisabledReason | null;
  settings?: Partial<WebhookSettings>;
  secret?: NewSecret;
}

/** The preferred one of those before goes on beside it until `overlapUntil`; null: not at all. */
export interface NewSecret {
  sealed: string;
  hint: string;
  overlapUntil: number | null;
}

export interface SecretRotation extends WebhookRef {
  secret: NewSecret;
  rotatedAt: number;
  once?: OnceRecord | undefined;
}

/** An event that was missed is found by its time. */
export interface NewRecovery extends Recovery {
  once?: OnceRecord | undefined;
}

export interface RecoveryStep {
  /** Deliveries that this step made pending; they were handed over. */
  made: number;
  isDone: boolean;
}

export interface Subscriptions {
  version: number;
  /** The webhooks that queue what is published: active and paused ones. */
  webhooks: readonly { id: string; events: readonly string[] }[];
}

/** Names a webhook: every query takes the account too. */
export interface WebhookRef {
  accountId: string;
  webhookId: string;
}

/**
 * A webhook as it was for whoever learned something of its receiver: nothing is written when it has
 * another URL by now, or its shard another epoch. What is not named is not compared.
 */
export interface LaneRef extends WebhookRef {
  url?: string;
  epoch?: number;
}

/** What the engine must know of a webhook to send to it. */
export interface Target extends WebhookRef {
  url: string;
  secretSealed: string;
  rotation: Rotation | null;
  heldUntil: number | null;
  settings: WebhookSettings;
  /** When anything of it was changed, Unix milliseconds; null: it is as it was made. */
  changedAt: number | null;
  status: Webhook['status'] | 'deleted';
  memory: LaneMemory | null;
}

export interface DueRequest extends WebhookRef {
  /**
   * `none`: what is due, first what was never tried (due whatever the clock says), by `seq`, then what
   * is to be tried again, by due time. `strict`: whatever is pending by `seq`, due or not.
   */
  ordering: Ordering;
  /** A retry due by then is due. */
  dueBefore: number;
  limit: number;
  /** Stops early when so many bytes of bodies are read, but not before the first row. */
  bytesMax: number;
  /** Deliveries that are in memory already. */
  except: readonly number[];
}

export interface DueResult {
  deliveries: DueDelivery[];
  /** More are due now (`strict`: pending) than were answered. */
  more: boolean;
  /** When the next one that is not due yet will be; null when there is none, and with `strict`. */
  nextDueAt: number | null;
}

/** A webhook that has something pending. */
export interface PendingWebhook extends WebhookRef {
  /** When the first of it is due; `0` for what was never tried. */
  dueAt: number;
  /** How many are pending, when it was asked for; otherwise only whether there are any. */
  count: number;
}

/** Attempts of a webhook that began in a span of time; the newest at most `limit`, oldest first. */
export interface SendTimesRequest extends WebhookRef {
  since: number;
  limit: number;
}

/** A JSON Schema of `data`, and an example that is to fit it; both as JSON objects. */
export interface DescribedData {
  schema: string;
  example: string | null;
}

/** Knows JSON Schema. */
export interface DataSchemas {
  /** What is wrong with them, by pointers that begin with `/schema` or `/example`; at most 20 faults. */
  faults(data: DescribedData): Promise<readonly Fault[]>;
}

/**
 * Everything that is kept. Each call is one transaction, or a part of one that is committed as a
 * whole: when the promise is fulfilled, the change has reached the disk.
 *
 * A call rejects with `store_unavailable` when the store cannot be used now: nothing of it happened.
 */
export interface Store {
  createAccount(account: { id: string; createdAt: number }): Promise<'created' | 'exists'>;

  listEventTypes(page: PageRequest): Promise<Page<EventType>>;
  getEventType(name: string): Promise<EventType | null>;
  /** Every name; bounded by the number of types that an installation may have. */
  eventTypeNames(): Promise<string[]>;
  /** Takes the place of the whole type that has this name. */
  putEventType(
    type: EventType,
    limits: { max: number },
  ): Promise<'created' | 'updated' | 'too_many'>;
  deleteEventType(name: string): Promise<'deleted' | 'missing'>;

  createWebhook(
    webhook: Webhook,
    limits: { perAccountMax: number },
    once?: OnceRecord,
  ): Promise<OnceResult<'created' | 'too_many'>>;
  getWebhook(accountId: string, id: string): Promise<Webhook | null>;
  listWebhooks(accountId: string, page: PageRequest): Promise<Page<Webhook>>;
  /** Null when there is no such webhook. */
  updateWebhook(
    accountId: string,
    id: string,
    changes: WebhookChanges,
    updatedAt: number,
  ): Promise<Webhook | null>;
  /** A change of the secret alone, which a call that comes again does not repeat. */
  rotateSecret(rotation: SecretRotation): Promise<OnceResult<'rotated' | 'missing'>>;
  /** The row stays, without its secret, for the history; its pending deliveries are cancelled by the engine. */
  deleteWebhook(accountId: string, id: string, deletedAt: number): Promise<'deleted' | 'missing'>;
  subscriptions(accountId: string): Promise<Subscriptions>;

  /**
   * Inserts the events and their deliveries, or nothing. `stale`: the account's webhooks have changed
   * since the deliveries were matched; match again.
   */
  publish(events: NewEvents): Promise<OnceResult<'accepted' | 'stale'>>;
  getEvent(accountId: string, id: string): Promise<Event | null>;
  listEvents(
    accountId: string,
    filter: EventFilter,
    page: PageRequest,
  ): Promise<FilteredPage<Event>>;
  /** A test call, recorded when it has ended. */
  recordTest(record: TestRecord): Promise<void>;

  getDelivery(
    accountId: string,
    id: string,
  ): Promise<{ delivery: Delivery; attempts: Attempt[] } | null>;
  listDeliveries(
    accountId: string,
    filter: DeliveryFilter,
    page: PageRequest,
  ): Promise<FilteredPage<Delivery>>;
  /** A new delivery of the same event to the same webhook, due now, with a schedule of its own. */
  redeliver(
    redelivery: Redelivery,
  ): Promise<OnceResult<Delivery | 'missing' | 'webhook_missing' | 'webhook_disabled'>>;
  deliveryStats(webhook: WebhookRef, since: number): Promise<DeliveryStats>;

  /** Takes an idempotency key for a call that does I/O of its own; `complete` or `abandon` follows. */
  beginOnce(
    accountId: string,
    record: Omit<OnceRecord, 'status' | 'body' | 'sealed'>,
  ): Promise<OnceResult<'begun'>>;
  completeOnce(accountId: string, record: OnceRecord): Promise<void>;
  abandonOnce(accountId: string, key: string): Promise<void>;
  /**
   * Deletes idempotency records that have expired and secrets whose overlap has ended, at most `limit`
   * of each; answers how many records.
   */
  forgetExpired(now: number, limit: number): Promise<number>;

  /** One pending delivery ends as cancelled. */
  cancelDelivery(cancellation: {
    accountId: string;
    deliveryId: string;
    reason: string;
    once?: OnceRecord | undefined;
  }): Promise<OnceResult<Delivery | 'missing' | 'ended'>>;

  createRecovery(
    recovery: NewRecovery,
  ): Promise<OnceResult<'created' | 'webhook_missing' | 'webhook_disabled' | 'already_running'>>;
  getRecovery(accountId: string, id: string): Promise<Recovery | null>;

  /** The engine's: webhooks of all accounts that have something pending, and when it is due. */
  webhooksWithPending(page: {
    after: WebhookRef | null;
    limit: number;
    /** Whether `count` is wanted: its cost grows with what is pending. */
    counts: boolean;
    /** Only webhooks of these; none named: of all. */
    shards?: readonly number[];
  }): Promise<{
    items: PendingWebhook[];
    /** Where to go on; null at the end. */
    next: WebhookRef | null;
  }>;
  /** How many deliveries of a webhook are pending; not counted any further than `max`. */
  countPending(webhook: WebhookRef, max: number): Promise<number>;
  target(webhook: WebhookRef): Promise<Target | null>;
  /** What is due for one webhook. Its cost does not depend on other webhooks. */
  due(request: DueRequest): Promise<DueResult>;
  /** Writes attempts and what follows from them, in one transaction. */
  settle(settlements: readonly Settlement[]): Promise<SettleResult[]>;
  /**
   * Goes on with a recovery: looks at no more than `limit` events, and makes what is missing pending.
   * Its position is stored in the same transaction.
   */
  recoverStep(recovery: {
    accountId: string;
    id: string;
    limit: number;
    now: number;
  }): Promise<RecoveryStep>;
  /** Recoveries of all accounts that are running. */
  runningRecoveries(): Promise<{ id: string; webhook: WebhookRef }[]>;
  /** The later of this hold and the one that is stored; null ends it. */
  holdWebhook(lane: LaneRef, until: number | null): Promise<void>;
  /** The receiver knows the new secret; nothing happens when that is not this one any more. */
  preferNewSecret(webhook: WebhookRef, secretSealed: string): Promise<void>;
  /** Disables an active or paused webhook; `unchanged` when it was neither. */
  disableWebhook(
    lane: LaneRef,
    reason: DisabledReason,
    now: number,
  ): Promise<'disabled' | 'unchanged'>;
  rememberLane(lane: LaneRef, memory: LaneMemory): Promise<void>;
  /** When attempts of this webhook began, for its rate limit after a restart; test calls not. */
  sendTimes(request: SendTimesRequest): Promise<number[]>;
  /**
   * Cancels at most `limit` pending deliveries of a webhook that is disabled or deleted, and none of one
   * that is not any more, nor of another epoch; answers how many there were.
   */
  cancelPending(lane: LaneRef, reason: string, limit: number): Promise<number>;

  /**
   * A run of the engine begins. `drained`: the one before ended with nothing in progress, or there never
   * was anything to send; otherwise something may have been in progress, and left no record.
   */
  beginRun(): Promise<{ drained: boolean }>;
  /** The run ends with nothing in progress. */
  endRun(): Promise<void>;

  /** Keeps the first sealed text it is given and answers that one: proof of the encryption key. */
  vaultCheck(sealed: string): Promise<string>;
  /** Whether a write can be committed now; for readiness. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** How a store keeps whoever sends informed: called after the commit, with what it made pending. */
export type HandOver = (deliveries: DueDelivery[]) => void;

// ---------------------------------------------------------------------------------------------
// Nodes: who delivers what

/** A shard, and the number of its owner: it grows with each change of owner. */
export interface OwnedShard {
  shard: number;
  epoch: number;
}

export interface TakenShard extends OwnedShard {
  /** The owner before gave it up with nothing in progress; otherwise something may have been, and left no record. */
  drained: boolean;
}

/** What a publish or a change at another node left for the owner of a shard. */
export interface Wake {
  id: number;
  shard: number;
  /**
   * `pending`: these webhooks have something new that is due. `changed`: what is stored of them, or of
   * their pending deliveries and recoveries, is not what the owner knows; whoever changed it waits until
   * the row is gone.
   */
  kind: 'pending' | 'changed';
  webhooks: readonly WokenWebhook[];
}

export interface WokenWebhook extends WebhookRef {
  /** With `pending`: how many deliveries are new. A program before 0004 does not say: then 1. */
  count: number;
}

/** Whether a node may still go by what it owns. */
export interface Lease {
  isValid(): boolean;
}

/**
 * Which node owns which shards. It is kept in the database, and leases are measured by the database's
 * clock; a node measures its own from the moment before it asked, by its monotonic clock, so that it
 * stops first. A store for one node has none of this: it owns every shard under epoch 1.
 */
export interface Ownership {
  /**
   * Announces this node or renews its lease, and answers what it owns now: what was taken from it
   * meanwhile is missing.
   */
  renew(node: { id: string; leaseMs: number }): Promise<{
    owned: OwnedShard[];
    /** Nodes with a lease, this one among them. */
    nodes: number;
    /** Shards that nobody owns, or whose owner's lease has ended. */
    free: number;
  }>;
  /** Takes at most so many free shards, each in a transaction of its own, under its row's lock. */
  take(nodeId: string, limit: number): Promise<TakenShard[]>;
  /** Gives shards up; what is not owned under that epoch any more is left alone. */
  release(nodeId: string, shards: readonly OwnedShard[], how: { drained: boolean }): Promise<void>;
  /** Gives up all that is left, and the lease. */
  leave(nodeId: string): Promise<void>;
  /** The oldest of what was left for these shards. */
  wakes(shards: readonly OwnedShard[], limit: number): Promise<Wake[]>;
  /** After they were acted upon; by id, and only under the same epochs. */
  forgetWakes(wakes: readonly Wake[], shards: readonly OwnedShard[]): Promise<void>;
  /**
   * Whether nobody will act any more upon what this webhook was before its last change: no `changed`
   * wake waits for it, or its shard's owner has no lease.
   */
  isChangeKnown(webhook: WebhookRef): Promise<boolean>;
}

// ---------------------------------------------------------------------------------------------
// Sending

export interface WireRequest {
  url: URL;
  /** Names and values in turn. */
  headers: readonly string[];
  body: Uint8Array;
}

/** What came of one HTTP exchange. */
export type Exchange =
  | {
      kind: 'response';
      status: number;
      /** From the start to the complete headers. */
      responseTimeMs: number;
      /** The first 4 KiB. */
      body: string;
      /** The header as it came; null when there was none. */
      retryAfter: string | null;
      note: AttemptNote | null;
    }
  | { kind: 'failure'; failure: AttemptFailure; note: AttemptNote | null }
  /** Our own machine had no descriptor or port left: nothing was sent, and it is nobody's attempt. */
  | { kind: 'not_sent' };

export interface OpenExchange {
  /**
   * Ends it now. A response whose headers were complete is reported as such, with what had come of
   * its body; anything else as `timeout`.
   */
  expire(): void;
}

export interface Transport {
  /**
   * Calls `ended` exactly once, never before `send` has returned; and `written` whenever the request is
   * written on a connection, which may be before that, much later, more than once, or never.
   */
  send(
    request: WireRequest,
    ended: (exchange: Exchange) => void,
    written?: () => void,
  ): OpenExchange;
  close(): Promise<void>;
}

// ---------------------------------------------------------------------------------------------
// Control of the engine, from wherever the API runs

export interface TestCall {
  event: Event;
  deliveryId: string;
  webhookId: string;
}

export interface TestOutcome {
  status: 'delivered' | 'failed';
  attempt: Attempt;
}

export interface Control {
  /** Fulfilled when no exchange starts any more under what the webhook was before. */
  webhookChanged(webhook: WebhookRef): Promise<void>;
  /** Fulfilled when no exchange of this delivery starts any more. */
  deliveryCancelled(webhook: WebhookRef, deliveryId: string): Promise<void>;
  /** A recovery was created: it begins now. */
  recoveryCreated(webhook: WebhookRef, recoveryId: string): Promise<void>;
  /** One exchange, past the lane, recorded when it has ended. Null when there is no such webhook. */
  test(call: TestCall): Promise<TestOutcome | null>;
}
