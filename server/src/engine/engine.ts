import type { Announcements, AttemptEnded } from '../core/announcements.ts';
import type { NewId } from '../core/ids.ts';
import type { OnGone } from '../core/model.ts';
import { attemptOf, decide } from '../core/outcome.ts';
import type {
  Clock,
  Control,
  DueDelivery,
  DueResult,
  Exchange,
  Random,
  Store,
  Target,
  TestCall,
  Timer,
  Transport,
  Vault,
  WebhookRef,
} from '../core/ports.ts';
import { DueHeap } from './due-heap.ts';
import { Exchanges } from './exchanges.ts';
import { Fifo } from './fifo.ts';
import { Lane } from './lane.ts';
import { createSender } from './sender.ts';
import { Settler } from './settler.ts';

export interface EnginePorts {
  store: Store;
  transport: Transport;
  clock: Clock;
  random: Random;
  vault: Vault;
  newId: NewId;
  announcements: Announcements;
}

export interface EngineSettings {
  /** Milliseconds before attempt 1, 2, …; its length is the number of attempts. */
  schedule: readonly number[];
  attemptTimeoutMs: number;
  userAgent: string;
  onGone: OnGone;
  concurrencyMax: number;
  disableAfterMs: number;
  backlogMax: number;
  inFlightMax: number;
}

export interface Engine extends Control {
  /** Learns what is pending; returns when everything that is due has been asked for. */
  start(): Promise<void>;
  /** What the store has just committed. */
  handOver(deliveries: readonly DueDelivery[]): void;
  /** Starts no delivery any more; what is in progress goes on, and test calls still work. */
  hold(): void;
  /** Starts nothing more, waits for what is in progress, writes what came of it. */
  drain(limitMs: number): Promise<DrainReport>;
  /** What is in memory now; counted when it is asked for. */
  load(): EngineLoad;
}

export interface EngineLoad {
  lanes: number;
  /** Lanes that may have more due in the store than they keep in memory. */
  lanesBehind: number;
  /** Deliveries that are due and in memory, and have not started. */
  waiting: number;
  /** Exchanges in progress. */
  inFlight: number;
  /** Attempts that have ended and are not written yet. */
  unsettled: number;
}

export interface DrainReport {
  /** Exchanges that were still in progress at the limit; their deliveries stay pending. */
  abandoned: number;
  /** Outcomes that could not be written; their deliveries stay pending. */
  unsettled: number;
}

/** In progress at once: in all, and for one webhook. */
const IN_FLIGHT_MAX = 4_096;
const LANE_IN_FLIGHT_MAX = 64;
/** Idle lanes that are kept for their prepared keys. */
const LANES_KEPT_MAX = 10_000;
const START_PAGE = 1_000;
const CANCEL_PAGE = 1_000;
const STORE_RETRY_MS = 500;
/** A due moment further away is looked at again after so long: the wall clock may be set meanwhile. */
const LOOK_AGAIN_MS = 60_000;

/**
 * Delivers what is pending. Lanes take turns: one that has work and room is offered to the
 * dispatcher, starts one exchange, and goes to the end of the row.
 *
 * load → sign → connect guard → send → read (bounded) → decide → settle
 */
export function createEngine(ports: EnginePorts, settings: EngineSettings): Engine {
  const { store, clock, random, vault, newId, announcements } = ports;
  const lanes = new Map<string, Lane>();
  const exchanges = new Exchanges(ports, settings.attemptTimeoutMs);
  const settler = new Settler(ports, () => dispatch());
  const dueLanes = new DueHeap<Lane>();
  const offered = new Fifo<Lane>();
  let dueTimer: Timer | null = null;
  let isHeld = false;

  return {
    start,
    handOver,
    webhookChanged,
    deliveryCancelled: async () => {},
    recoveryCreated: async () => {},
    test,
    hold,
    drain,
    load: loadNow,
  };

  // -- what comes in --------------------------------------------------------------------------

  async function start(): Promise<void> {
    let after: WebhookRef | null = null;
    do {
      const page = await store.webhooksWithPending({ after, limit: START_PAGE });
      for (const { dueAt, ...webhook } of page.items) waitUntilDue(laneOf(webhook), dueAt);
      after = page.next;
    } while (after !== null);
    watchDue();
  }

  function handOver(deliveries: readonly DueDelivery[]): void {
    for (const delivery of deliveries) {
      const lane = laneOf(delivery);
      if (lane.gate === 'ended') {
        load(lane);
      } else if (lane.gate !== 'paused') {
        if (lane.more || lane.isFull) lane.more = true;
        else lane.enqueue(delivery);
        offer(lane);
      }
    }
    dispatch();
  }

  async function webhookChanged(webhook: WebhookRef): Promise<void> {
    const lane = laneOf(webhook);
    lane.gate = 'loading';
    await readOrRetry(lane);
  }

  async function test(call: TestCall) {
    const { event, deliveryId, webhookId } = call;
    const target = await store.target({ accountId: event.accountId, webhookId });
    if (target === null || target.status === 'deleted') return null;
    const made = { id: newId('attempt'), number: 1, startedAt: clock.now() };
    const exchange = await new Promise<Exchange>((resolve) => {
      const { id: eventId, type: eventType, body } = event;
      const sender = createSender(target, { vault, userAgent: settings.userAgent });
      const outgoing = { ...made, eventId, eventType, deliveryId, trigger: 'test' as const, body };
      exchanges.begin(sender.request(outgoing), resolve);
    });
    const attempt = attemptOf(exchange, made);
    const status = attempt.failure === null ? 'delivered' : 'failed';
    await store.recordTest({ event, deliveryId, webhookId, status, attempt });
    const { id: eventId, type: eventType } = event;
    const of = { ...event, eventId, eventType, webhookId, trigger: 'test' as const };
    announceAttempt(of, { deliveryId, attempt, status, waitMs: null });
    return { status, attempt } as const;
  }

  function hold(): void {
    isHeld = true;
    dueTimer?.cancel();
  }

  async function drain(limitMs: number): Promise<DrainReport> {
    hold();
    const endsAt = clock.monotonic() + limitMs;
    const abandoned = await exchanges.drain(limitMs);
    const unsettled = await settler.drain(Math.max(SETTLE_AT_LEAST_MS, endsAt - clock.monotonic()));
    return { abandoned, unsettled };
  }

  function loadNow(): EngineLoad {
    let lanesBehind = 0;
    let waiting = 0;
    for (const lane of lanes.values()) {
      if (lane.more) lanesBehind += 1;
      waiting += lane.waiting;
    }
    const { count: unsettled } = settler;
    return { lanes: lanes.size, lanesBehind, waiting, inFlight: exchanges.count, unsettled };
  }

  // -- lanes ----------------------------------------------------------------------------------

  function laneOf({ accountId, webhookId }: WebhookRef): Lane {
    let lane = lanes.get(webhookId);
    if (lane === undefined) {
      lane = new Lane({ accountId, webhookId });
      lanes.set(webhookId, lane);
      load(lane);
    }
    return lane;
  }

  function load(lane: Lane): void {
    lane.gate = 'loading';
    // It is tried again: nobody waits for this one.
    readOrRetry(lane).catch(() => {});
  }

  /** Rejects when the store cannot be used now; the lane goes on by itself when it can. */
  async function readOrRetry(lane: Lane): Promise<void> {
    try {
      await readWebhook(lane);
    } catch (error) {
      clock.after(STORE_RETRY_MS, () => load(lane));
      throw error;
    }
  }

  /** Reads the webhook and sets the lane's gate by it. */
  async function readWebhook(lane: Lane): Promise<void> {
    lane.reads += 1;
    const read = lane.reads;
    const target = await store.target(lane.webhook);
    if (lane.reads !== read) return;
    if (target?.status === 'active') {
      openLane(lane, target);
    } else {
      lane.dropWaiting();
      lane.more = false;
      lane.nextDueAt = null;
      lane.sender = null;
      if (target?.status === 'paused') lane.gate = 'paused';
      else
        await endLane(lane, target?.status === 'disabled' ? 'webhook_disabled' : 'webhook_deleted');
    }
    dispatch();
  }

  function openLane(lane: Lane, target: Target): void {
    lane.sender = createSender(target, { vault, userAgent: settings.userAgent });
    lane.gate = 'open';
    // Whatever became due while the gate was closed is in the store, not here.
    lane.more = true;
    offer(lane);
  }

  /**
   * Cancels what is pending: a page before this returns, so that a small backlog has ended when the
   * call that ended the lane is answered, and the rest behind it.
   */
  async function endLane(lane: Lane, reason: string): Promise<void> {
    lane.gate = 'ended';
    const cancelled = await store.cancelPending(lane.webhook, reason, CANCEL_PAGE);
    if (cancelled === CANCEL_PAGE) void cancelRest(lane, reason);
  }

  async function cancelRest(lane: Lane, reason: string): Promise<void> {
    try {
      let cancelled = CANCEL_PAGE;
      while (cancelled === CANCEL_PAGE && lane.gate === 'ended') {
        cancelled = await store.cancelPending(lane.webhook, reason, CANCEL_PAGE);
      }
    } catch {
      clock.after(STORE_RETRY_MS, () => void cancelRest(lane, reason));
    }
  }

  function offer(lane: Lane): void {
    refillIfWanted(lane);
    if (lane.isOffered || lane.gate !== 'open' || lane.waiting === 0) return;
    if (lane.inFlight >= LANE_IN_FLIGHT_MAX) return;
    lane.isOffered = true;
    offered.push(lane);
  }

  function refillIfWanted(lane: Lane): void {
    if (lane.wantsRefill && !isHeld) void refill(lane);
  }

  async function refill(lane: Lane): Promise<void> {
    lane.beginRefill();
    const dueBefore = clock.now();
    const found = await dueOf(lane, dueBefore);
    lane.endRefill(found?.deliveries ?? []);
    // The gate was closed meanwhile: what was read may have been cancelled since.
    if (lane.gate === 'paused' || lane.gate === 'ended') lane.dropWaiting();
    lane.more ||= found?.more ?? false;
    const wakeAt = found === null ? dueBefore + STORE_RETRY_MS : found.nextDueAt;
    if (wakeAt !== null) waitUntilDue(lane, wakeAt);
    watchDue();
    offer(lane);
    dispatch();
    forgetIfIdle(lane);
  }

  /** Null when the store could not be read: it is asked again later. */
  async function dueOf(lane: Lane, dueBefore: number): Promise<DueResult | null> {
    const except = lane.heldSeqs();
    try {
      return await store.due({ ...lane.webhook, ordering: 'none', dueBefore, ...REFILL, except });
    } catch {
      return null;
    }
  }

  function forgetIfIdle(lane: Lane): void {
    if (lanes.size > LANES_KEPT_MAX && lane.isIdle) lanes.delete(lane.webhook.webhookId);
  }

  // -- due times ------------------------------------------------------------------------------

  function waitUntilDue(lane: Lane, at: number): void {
    if (lane.nextDueAt !== null && lane.nextDueAt <= at) return;
    lane.nextDueAt = at;
    dueLanes.push(at, lane);
  }

  /** Wakes the lanes whose time has come, and sets the timer for the next. */
  function watchDue(): void {
    dueTimer?.cancel();
    dueTimer = null;
    if (isHeld) return;
    const now = clock.now();
    for (let next = dueLanes.peek(); next !== undefined; next = dueLanes.peek()) {
      const { at, item: lane } = next;
      if (at > now) {
        dueTimer = clock.after(Math.min(at - now, LOOK_AGAIN_MS), watchDue);
        break;
      }
      dueLanes.pop();
      if (lane.nextDueAt !== at) continue;
      lane.nextDueAt = null;
      lane.more = true;
      offer(lane);
    }
    dispatch();
  }

  // -- attempts -------------------------------------------------------------------------------

  function dispatch(): void {
    while (exchanges.count < IN_FLIGHT_MAX && !isHeld && !settler.isStuck) {
      const lane = offered.shift();
      if (lane === undefined) return;
      lane.isOffered = false;
      const delivery = lane.gate === 'open' ? lane.take() : undefined;
      if (delivery === undefined) continue;
      attempt(lane, delivery);
      offer(lane);
    }
  }

  function attempt(lane: Lane, delivery: DueDelivery): void {
    if (lane.sender === null) throw new Error('an open lane has a sender');
    const made = {
      id: newId('attempt'),
      number: delivery.attemptCount + 1,
      startedAt: clock.now(),
    };
    const { id: deliveryId, trigger } = delivery;
    const { id: eventId, type: eventType, body } = delivery.event;
    const { number, startedAt } = made;
    const outgoing = { eventId, eventType, deliveryId, trigger, body, number, startedAt };
    lane.inFlight += 1;
    exchanges.begin(lane.sender.request(outgoing), (exchange) => {
      lane.inFlight -= 1;
      settle(lane, delivery, attemptOf(exchange, made));
      offer(lane);
      dispatch();
    });
  }

  function settle(lane: Lane, delivery: DueDelivery, attempt: ReturnType<typeof attemptOf>): void {
    const { seq, accountId, id: deliveryId } = delivery;
    const rule = { schedule: settings.schedule, endedAt: clock.now(), fraction: random.fraction() };
    const { status, dueAt } = decide(attempt, rule);
    settler.add({ seq, accountId, deliveryId, attempt, firstTry: null, status, dueAt }, () => {
      lane.release(delivery);
      if (dueAt !== null) {
        waitUntilDue(lane, dueAt);
        watchDue();
      }
      refillIfWanted(lane);
      forgetIfIdle(lane);
      const waitMs = attempt.startedAt - delivery.dueAt;
      const { id: eventId, type: eventType } = delivery.event;
      announceAttempt({ ...delivery, eventId, eventType }, { deliveryId, attempt, status, waitMs });
    });
  }

  function announceAttempt(
    of: Pick<AttemptEnded, 'accountId' | 'webhookId' | 'eventId' | 'eventType' | 'trigger'>,
    ended: Pick<AttemptEnded, 'deliveryId' | 'attempt' | 'status' | 'waitMs'>,
  ): void {
    if (!announcements.attempt.hasSubscribers) return;
    const { accountId, webhookId, eventId, eventType, trigger } = of;
    announcements.attempt.publish({ accountId, webhookId, eventId, eventType, trigger, ...ended });
  }
}

const REFILL = { limit: 256, bytesMax: 2 * 1024 * 1024 };
/** Even when receivers used up the whole limit, what came of them is written. */
const SETTLE_AT_LEAST_MS = 2_000;
