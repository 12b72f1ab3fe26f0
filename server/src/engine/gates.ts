import { PosthornError } from '../core/errors.ts';
import type { DisabledReason } from '../core/model.ts';
import type { DueDelivery, LaneRef, Target, WebhookRef } from '../core/ports.ts';
import { Backlog } from './backlog.ts';
import type { Dispatcher } from './dispatcher.ts';
import { Lane } from './lane.ts';
import type { LaneMemories } from './lane-memories.ts';
import { LinkedList } from './linked-list.ts';
import type { EnginePorts, EngineSettings } from './ports.ts';
import type { Prefetch } from './prefetch.ts';
import { rateOfLane } from './rate-of-lane.ts';
import { placesOf, type RateWindow } from './rate-window.ts';
import { ReceiverState } from './receiver-state.ts';
import { createSender } from './sender.ts';
import type { Tenures } from './tenures.ts';

const CANCEL_PAGE = 1_000;
/** The longest that an exchange may last, with its settlement, and that clocks may be apart. */
const CHANGED_MS_MAX = 10 * 60_000;
const STORE_RETRY_MS = 500;
/** Idle lanes that are kept for their prepared keys. */
const LANES_KEPT_MAX = 10_000;

/**
 * The lanes, and whether each is open. A lane's gate follows what the store says of its webhook, read
 * when the lane is made and whenever the webhook has changed; while it is read, nothing starts.
 */
export class Gates {
  readonly #ports: EnginePorts;
  readonly #settings: EngineSettings;
  readonly #dispatcher: Dispatcher;
  readonly #prefetch: Prefetch<Lane>;
  readonly #tenures: Tenures;
  readonly #memories: LaneMemories;
  readonly #backlog: Backlog;
  readonly #lanes = new Map<string, Lane>();
  /** Those that had nothing to do when they were looked at last; the one that came first, first. */
  readonly #resting = new Set<Lane>();
  /** What they are disabled for is written, and they are not read since. */
  readonly #disabling = new Set<Lane>();
  /** Ended, and not all that is pending is known to be cancelled. */
  readonly #cancelling = new Set<Lane>();

  constructor(
    ports: EnginePorts,
    settings: EngineSettings,
    parts: {
      dispatcher: Dispatcher;
      prefetch: Prefetch<Lane>;
      tenures: Tenures;
      memories: LaneMemories;
    },
  ) {
    this.#ports = ports;
    this.#settings = settings;
    this.#dispatcher = parts.dispatcher;
    this.#prefetch = parts.prefetch;
    this.#tenures = parts.tenures;
    this.#memories = parts.memories;
    this.#backlog = new Backlog(ports, {
      max: settings.backlogMax,
      full: (lane) => this.#disableFull(lane),
    });
  }

  get size(): number {
    return this.#lanes.size;
  }

  all(): IterableIterator<Lane> {
    return this.#lanes.values();
  }

  /** The lane as it is in memory, if it is. */
  find(webhookId: string): Lane | undefined {
    return this.#lanes.get(webhookId);
  }

  /** The lane; undefined when its shard is not this engine's. */
  laneOf(webhook: WebhookRef): Lane | undefined {
    return this.#lanes.get(webhook.webhookId) ?? this.#newLane(webhook);
  }

  #newLane({ accountId, webhookId }: WebhookRef): Lane | undefined {
    const tenure = this.#tenures.of(webhookId);
    if (tenure === undefined) return undefined;
    const lane = new Lane({ accountId, webhookId }, tenure, this.#prefetch);
    this.#lanes.set(webhookId, lane);
    this.#load(lane);
    return lane;
  }

  lanesOf(shard: number): Lane[] {
    return [...this.#lanes.values()].filter((lane) => lane.tenure.shard === shard);
  }

  /** It starts nothing any more; what is in progress is settled, and what follows from it is written. */
  leave(lane: Lane): void {
    if (lane.isGivenUp) return;
    this.#giveUp(lane, 'leaving');
    this.#dispatcher.forget(lane);
  }

  /** Its shard is somebody else's: what is in memory is forgotten at once. */
  lose(lane: Lane): void {
    this.#giveUp(lane, 'lost');
    this.#memories.forget(lane);
    this.#cancelling.delete(lane);
    this.#forget(lane);
  }

  #giveUp(lane: Lane, gate: 'leaving' | 'lost'): void {
    lane.gate = gate;
    // Whatever is being read decides nothing any more.
    lane.reads += 1;
    lane.dropWaiting();
    lane.more = false;
  }

  /** Fulfilled when nothing starts any more under what the webhook was before. */
  async changed(webhook: WebhookRef): Promise<void> {
    const isKnown = this.find(webhook.webhookId) !== undefined;
    const lane = this.laneOf(webhook);
    // Nothing of it starts here at all; whoever owns it next reads what is stored.
    if (lane === undefined || lane.isGivenUp) return;
    lane.gate = 'loading';
    await this.#readOrRetry(lane);
    // It may have ended here before, and been forgotten with something left.
    if (!isKnown) this.#backlog.recount(lane);
  }

  /** Somebody else has changed the webhook, or ended some of its deliveries: nothing here is known to hold. */
  async changedElsewhere(webhook: WebhookRef): Promise<void> {
    this.find(webhook.webhookId)?.dropWaiting();
    await this.changed(webhook);
  }

  /** So many were pending when its shard was taken; what was handed over meanwhile is among them. */
  counted(lane: Lane, count: number): void {
    this.#backlog.added(lane, Math.max(0, count - lane.pending));
  }

  /** Somebody else has made so many pending. */
  morePending(lane: Lane, count: number): void {
    if (lane.isGivenUp) return;
    if (lane.gate === 'ended') {
      lane.pending += count;
      this.#load(lane);
      return;
    }
    this.#backlog.added(lane, count);
    if (!lane.isClosed) lane.more = true;
  }

  /** A receiver that took a test call takes the rest too, whatever it asked for before. */
  async endHold({ accountId, webhookId, url }: Target): Promise<void> {
    // First here: a hold that begins while this one is being ended in the store is a new one.
    const before = this.find(webhookId);
    if (before !== undefined) before.heldUntil = null;
    try {
      // Not in the name of an epoch: whoever owns the webhook, its receiver is well.
      await this.#ports.store.holdWebhook({ accountId, webhookId, url }, null);
    } catch {
      // What is stored counts again when the webhook is read, and the next test call ends that.
    }
    const lane = this.find(webhookId);
    if (lane === undefined) return;
    // What is being read may be older than this.
    if (lane.gate === 'loading') this.#load(lane);
    this.#dispatcher.offer(lane);
    this.#dispatcher.dispatch();
  }

  /** What the store has just committed for this lane. */
  handOver(lane: Lane, delivery: DueDelivery): void {
    if (lane.isGivenUp) return;
    if (lane.gate === 'ended') {
      // It was published while the webhook was being disabled, or the webhook is enabled again.
      lane.pending += 1;
      this.#load(lane);
      return;
    }
    this.#backlog.added(lane, 1);
    if (lane.gate === 'paused') return;
    const canKeep = !lane.more && !lane.isStrict && lane.room > 0 && this.#prefetch.hasRoom();
    // While the webhook is read, what is handed over may be older than what another node did to it since.
    if (canKeep && lane.gate === 'open') lane.enqueue(delivery);
    else lane.more = true;
  }

  /** It is about to be disabled: nothing starts meanwhile. */
  stop(lane: Lane): void {
    if (lane.gate === 'open') lane.gate = 'loading';
  }

  /** Nothing starts from now on; what is pending is cancelled. */
  disable(lane: Lane, reason: DisabledReason): void {
    if (lane.gate === 'ended' || lane.gate === 'lost' || this.#disabling.has(lane)) return;
    if (lane.gate !== 'leaving') lane.gate = 'loading';
    this.#disabling.add(lane);
    void this.#disable(lane, lane.ref, reason);
  }

  /** Whatever its URL is by now, and also while it is being read: that may be over and over again. */
  async #disableFull(lane: Lane): Promise<void> {
    if (lane.gate === 'ended' || lane.isGivenUp) return;
    lane.gate = 'loading';
    const { epoch } = lane.tenure;
    await this.#disable(lane, { ...lane.webhook, epoch }, 'backlog_full');
  }

  /**
   * It may have nothing to do any more. Such lanes are kept for their prepared keys, and the one that has
   * rested longest is forgotten first: everything about it is in the store.
   */
  rest(lane: Lane): void {
    if (lane.isGivenUp) return;
    if (lane.isUnaccounted && this.#dispatcher.dueOf(lane) === null) {
      lane.more = true;
      this.#dispatcher.offer(lane);
      this.#dispatcher.dispatch();
    }
    if (!this.#isIdle(lane)) return;
    // Its rate is kept: what the store has is the wall clock's, which may be set.
    if (lane.gate === 'ended' && lane.rate === null) {
      this.#forget(lane);
      return;
    }
    this.#resting.delete(lane);
    this.#resting.add(lane);
    for (const oldest of this.#resting) {
      if (this.#resting.size <= LANES_KEPT_MAX) return;
      this.#resting.delete(oldest);
      if (this.#isIdle(oldest)) this.#forget(oldest);
    }
  }

  /** What is due is asked for by itself: a count that is wrong must not lose it. */
  #isIdle(lane: Lane): boolean {
    return lane.isIdle && this.#dispatcher.dueOf(lane) === null && !this.#cancelling.has(lane);
  }

  #forget(lane: Lane): void {
    this.#resting.delete(lane);
    this.#dispatcher.forget(lane);
    const { webhookId } = lane.webhook;
    if (this.#lanes.get(webhookId) === lane) this.#lanes.delete(webhookId);
  }

  async #disable(lane: Lane, ref: LaneRef, reason: DisabledReason): Promise<void> {
    const { store, clock, announcements } = this.#ports;
    try {
      if (lane.gate !== 'lost') {
        const result = await store.disableWebhook(ref, reason, clock.now());
        if (result === 'disabled')
          announcements.webhookDisabled.publish({ ...lane.webhook, reason });
        await this.#readOrRetry(lane);
      }
      this.#disabling.delete(lane);
    } catch {
      clock.after(STORE_RETRY_MS, () => void this.#disable(lane, ref, reason));
    }
  }

  #load(lane: Lane): void {
    if (lane.isGivenUp) return;
    lane.gate = 'loading';
    // It is tried again: nobody waits for this one.
    this.#readOrRetry(lane).catch((error: unknown) => {
      // A secret that cannot be opened, for one: the lane stands still, and somebody has to know.
      if (error instanceof PosthornError) return;
      this.#ports.announcements.bug.publish({ where: `lane ${lane.webhook.webhookId}`, error });
    });
  }

  /** Rejects when the store cannot be used now; the lane goes on by itself when it can. */
  async #readOrRetry(lane: Lane): Promise<void> {
    try {
      await this.#read(lane);
    } catch (error) {
      this.#ports.clock.after(STORE_RETRY_MS, () => this.#load(lane));
      throw error;
    }
  }

  /** Reads the webhook and sets the lane's gate by it. */
  async #read(lane: Lane): Promise<void> {
    // One that was forgotten before it was read again stays so: of two everything would be sent twice.
    if (lane.isGivenUp || this.find(lane.webhook.webhookId) !== lane) return;
    lane.reads += 1;
    const read = lane.reads;
    const target = await this.#ports.store.target(lane.webhook);
    if (target !== null) lane.unrecorded ??= this.#unrecordedOf(lane, target);
    const rate = target?.status === 'active' ? await this.#rateOf(lane, target) : null;
    if (lane.reads !== read) return;
    if (target?.status === 'active') {
      this.#open(lane, target, rate);
    } else {
      lane.dropWaiting();
      lane.more = false;
      this.#dispatcher.forget(lane);
      if (target?.status === 'paused') lane.gate = 'paused';
      else
        await this.#end(
          lane,
          target?.status === 'disabled' ? 'webhook_disabled' : 'webhook_deleted',
        );
    }
    this.#dispatcher.dispatch();
    this.rest(lane);
  }

  #open(lane: Lane, target: Target, rate: (() => RateWindow) | null): void {
    const { settings } = target;
    const isNewReceiver = lane.url !== target.url;
    const windowMax = this.#windowMax(target);
    // It had ended, and what was pending then may not have been cancelled yet.
    if (lane.sender === null && lane.url !== null) this.#backlog.recount(lane);
    if (lane.ordering !== settings.ordering) lane.dropWaiting();
    lane.ordering = settings.ordering;
    lane.schedule = settings.retrySchedule ?? this.#settings.schedule;
    lane.disablesWhenGone = (settings.onGone ?? this.#settings.onGone) === 'disable';
    lane.heldUntil = isNewReceiver ? target.heldUntil : later(lane.heldUntil, target.heldUntil);
    // What is in progress at another URL takes no place of this one; it is settled as it ends.
    if (isNewReceiver) lane.inProgress = new LinkedList();
    // A webhook that is enabled again begins with what is stored: its failures may have been forgiven.
    if (isNewReceiver || lane.sender === null) {
      lane.receiver = new ReceiverState(target.memory, windowMax);
    } else lane.receiver.windowMax = windowMax;
    lane.url = target.url;
    lane.rate = rate === null ? null : rate();
    const { vault } = this.#ports;
    lane.sender = createSender(target, { vault, userAgent: this.#settings.userAgent });
    this.#cancelling.delete(lane);
    lane.gate = 'open';
    // Whatever became due while the gate was closed is in the store, not here.
    lane.more = true;
    this.#dispatcher.offer(lane);
  }

  /** The window that it has goes on as long as its limit is the same. */
  async #rateOf(lane: Lane, target: Target): Promise<(() => RateWindow) | null> {
    const { rateLimit } = target.settings;
    if (rateLimit === null) return null;
    const { rate } = lane;
    if (rate?.isOf(rateLimit)) return () => rate;
    return await rateOfLane(lane, rateLimit, this.#ports);
  }

  /**
   * The most that the owner before may have had in progress. Where the webhook has been changed since
   * shortly before it fell, what it was then is not known, and that may be any number.
   */
  #unrecordedOf(lane: Lane, target: Target): number {
    const { fellBefore } = lane.tenure;
    if (fellBefore === null) return 0;
    const { clock } = this.#ports;
    const fellAt = fellBefore + clock.now() - clock.monotonic();
    const { changedAt, settings, rotation } = target;
    if (changedAt !== null && changedAt > fellAt - CHANGED_MS_MAX) return Number.POSITIVE_INFINITY;
    const slots = settings.ordering === 'strict' ? 1 : this.#windowMax(target);
    return rotation === null ? slots : 2 * slots;
  }

  #windowMax({ settings: { concurrencyMax, rateLimit } }: Target): number {
    const max = concurrencyMax ?? this.#settings.concurrencyMax;
    return rateLimit === null ? max : Math.min(max, placesOf(rateLimit));
  }

  /**
   * Cancels what is pending: a page before this returns, so that a small backlog has ended when the
   * call that ended the lane is answered, and the rest behind it.
   */
  async #end(lane: Lane, reason: string): Promise<void> {
    lane.gate = 'ended';
    lane.sender = null;
    this.#cancelling.add(lane);
    const cancelled = await this.#cancelPage(lane, reason);
    if (cancelled < CANCEL_PAGE) this.#allCancelled(lane);
    else void this.#cancelRest(lane, reason);
  }

  /** Nothing is pending, whatever was counted, unless it was enabled again meanwhile. */
  #allCancelled(lane: Lane): void {
    if (lane.gate === 'ended') lane.pending = 0;
    this.#cancelling.delete(lane);
  }

  async #cancelPage(lane: Lane, reason: string): Promise<number> {
    const { epoch } = lane.tenure;
    const ended = { ...lane.webhook, epoch };
    const cancelled = await this.#ports.store.cancelPending(ended, reason, CANCEL_PAGE);
    if (lane.gate === 'ended') lane.pending = Math.max(0, lane.pending - cancelled);
    return cancelled;
  }

  async #cancelRest(lane: Lane, reason: string): Promise<void> {
    try {
      while (lane.gate === 'ended') {
        const cancelled = await this.#cancelPage(lane, reason);
        if (cancelled === CANCEL_PAGE) continue;
        this.#allCancelled(lane);
        this.rest(lane);
        return;
      }
    } catch {
      this.#ports.clock.after(STORE_RETRY_MS, () => void this.#cancelRest(lane, reason));
    }
  }
}

/** A hold may have begun while the webhook was read. */
function later(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}
