import type { DisabledReason } from '../core/model.ts';
import type { DueDelivery, Target, WebhookRef } from '../core/ports.ts';
import type { Dispatcher } from './dispatcher.ts';
import { Lane } from './lane.ts';
import type { EnginePorts, EngineSettings } from './ports.ts';
import type { Prefetch } from './prefetch.ts';
import { RateWindow } from './rate-window.ts';
import { ReceiverState } from './receiver-state.ts';
import { createSender } from './sender.ts';

const CANCEL_PAGE = 1_000;
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
  readonly #lanes = new Map<string, Lane>();

  constructor(
    ports: EnginePorts,
    settings: EngineSettings,
    parts: { dispatcher: Dispatcher; prefetch: Prefetch<Lane> },
  ) {
    this.#ports = ports;
    this.#settings = settings;
    this.#dispatcher = parts.dispatcher;
    this.#prefetch = parts.prefetch;
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

  laneOf({ accountId, webhookId }: WebhookRef): Lane {
    let lane = this.#lanes.get(webhookId);
    if (lane === undefined) {
      lane = new Lane({ accountId, webhookId }, this.#prefetch);
      this.#lanes.set(webhookId, lane);
      this.#load(lane);
    }
    return lane;
  }

  /** Fulfilled when nothing starts any more under what the webhook was before. */
  async changed(webhook: WebhookRef): Promise<void> {
    const lane = this.laneOf(webhook);
    lane.gate = 'loading';
    await this.#readOrRetry(lane);
  }

  /** What the store has just committed for this lane. */
  handOver(lane: Lane, delivery: DueDelivery): void {
    lane.pending += 1;
    if (lane.gate === 'ended') {
      // It was published while the webhook was being disabled, or the webhook is enabled again.
      this.#load(lane);
      return;
    }
    if (lane.pending > this.#settings.backlogMax) {
      this.disable(lane, 'backlog_full');
      return;
    }
    if (lane.gate === 'paused') return;
    const canKeep = !lane.more && !lane.isStrict && lane.room > 0 && this.#prefetch.hasRoom();
    if (canKeep) lane.enqueue(delivery);
    else lane.more = true;
  }

  /** Nothing starts from now on; what is pending is cancelled. */
  disable(lane: Lane, reason: DisabledReason): void {
    if (lane.gate === 'loading' || lane.gate === 'ended') return;
    lane.gate = 'loading';
    void this.#disable(lane, reason);
  }

  forgetIfIdle(lane: Lane): void {
    // Everything it has sent is in the store: a rate limit is made of that again.
    if (this.#lanes.size <= LANES_KEPT_MAX || !lane.isIdle) return;
    this.#lanes.delete(lane.webhook.webhookId);
    this.#dispatcher.forget(lane);
  }

  async #disable(lane: Lane, reason: DisabledReason): Promise<void> {
    const { store, clock, announcements } = this.#ports;
    try {
      const result = await store.disableWebhook(lane.webhook, reason, clock.now());
      if (result === 'disabled') announcements.webhookDisabled.publish({ ...lane.webhook, reason });
      await this.#readOrRetry(lane);
    } catch {
      clock.after(STORE_RETRY_MS, () => void this.#disable(lane, reason));
    }
  }

  #load(lane: Lane): void {
    lane.gate = 'loading';
    // It is tried again: nobody waits for this one.
    this.#readOrRetry(lane).catch(() => {});
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
    lane.reads += 1;
    const read = lane.reads;
    const target = await this.#ports.store.target(lane.webhook);
    const sendTimes = target === null ? [] : await this.#sendTimes(lane, target);
    if (lane.reads !== read) return;
    if (target?.status === 'active') {
      this.#open(lane, target, sendTimes);
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
  }

  #open(lane: Lane, target: Target, sendTimes: readonly number[]): void {
    const { settings } = target;
    const isNewReceiver = lane.sender?.url !== target.url;
    const windowMax = settings.concurrencyMax ?? this.#settings.concurrencyMax;
    if (lane.ordering !== settings.ordering) lane.dropWaiting();
    lane.ordering = settings.ordering;
    lane.schedule = settings.retrySchedule ?? this.#settings.schedule;
    lane.disablesWhenGone = (settings.onGone ?? this.#settings.onGone) === 'disable';
    lane.heldUntil = target.heldUntil;
    if (isNewReceiver) lane.receiver = new ReceiverState(target.memory, windowMax);
    else lane.receiver.windowMax = windowMax;
    if (settings.rateLimit === null) lane.rate = null;
    else if (lane.rate?.isEnoughFor(settings.rateLimit))
      lane.rate = lane.rate.under(settings.rateLimit);
    else lane.rate = this.#rateOf(settings.rateLimit, lane, sendTimes, windowMax);
    const { vault } = this.#ports;
    lane.sender = createSender(target, { vault, userAgent: this.#settings.userAgent });
    lane.gate = 'open';
    // Whatever became due while the gate was closed is in the store, not here.
    lane.more = true;
    this.#dispatcher.offer(lane);
  }

  /** For a rate limit that asks for more than the lane remembers: what was sent before counts. */
  async #sendTimes(lane: Lane, { settings }: Target): Promise<number[]> {
    const { rateLimit } = settings;
    if (rateLimit === null || lane.rate?.isEnoughFor(rateLimit)) return [];
    const since = this.#ports.clock.now() - rateLimit.perMs;
    return this.#ports.store.sendTimes({ ...lane.webhook, since, limit: rateLimit.max });
  }

  #rateOf(
    limit: NonNullable<Target['settings']['rateLimit']>,
    lane: Lane,
    sendTimes: readonly number[],
    windowMax: number,
  ): RateWindow {
    const { clock } = this.#ports;
    const rate = new RateWindow(limit);
    const now = clock.now();
    const monotonic = clock.monotonic();
    const known = lane.rate?.moments() ?? null;
    // The wall clock has whole milliseconds: rather count one of them twice than not at all.
    const knownSince = (known?.[0] ?? Number.POSITIVE_INFINITY) + 1;
    for (const at of sendTimes) {
      const moment = monotonic - Math.max(0, now - at);
      if (moment < knownSince) rate.sent(moment);
    }
    for (const moment of known ?? this.#unrecorded(lane, windowMax, monotonic)) rate.sent(moment);
    return rate;
  }

  /**
   * What was in progress when the process fell left no record, and what is not settled yet has none:
   * each counts as sent just now.
   */
  #unrecorded(lane: Lane, windowMax: number, monotonic: number): number[] {
    const count = Math.min(lane.unknownSends, windowMax) + lane.unsettled;
    lane.unknownSends = 0;
    return Array.from({ length: count }, () => monotonic);
  }

  /**
   * Cancels what is pending: a page before this returns, so that a small backlog has ended when the
   * call that ended the lane is answered, and the rest behind it.
   */
  async #end(lane: Lane, reason: string): Promise<void> {
    lane.gate = 'ended';
    lane.sender = null;
    lane.pending = 0;
    const cancelled = await this.#ports.store.cancelPending(lane.webhook, reason, CANCEL_PAGE);
    if (cancelled === CANCEL_PAGE) void this.#cancelRest(lane, reason);
  }

  async #cancelRest(lane: Lane, reason: string): Promise<void> {
    try {
      let cancelled = CANCEL_PAGE;
      while (cancelled === CANCEL_PAGE && lane.gate === 'ended') {
        cancelled = await this.#ports.store.cancelPending(lane.webhook, reason, CANCEL_PAGE);
      }
    } catch {
      this.#ports.clock.after(STORE_RETRY_MS, () => void this.#cancelRest(lane, reason));
    }
  }
}
