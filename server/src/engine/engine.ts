import { attemptOf } from '../core/outcome.ts';
import type {
  Control,
  DueDelivery,
  Exchange,
  TakenShard,
  TestCall,
  TestOutcome,
  Wake,
  WebhookRef,
  WokenWebhook,
} from '../core/ports.ts';
import { SOLE_EPOCH } from '../core/shards.ts';
import { Dispatcher } from './dispatcher.ts';
import type { DrainReport } from './drain-report.ts';
import { Exchanges } from './exchanges.ts';
import { Flights } from './flights.ts';
import { Gates } from './gates.ts';
import type { Lane } from './lane.ts';
import { LaneMemories } from './lane-memories.ts';
import type { EnginePorts, EngineSettings } from './ports.ts';
import { Prefetch } from './prefetch.ts';
import { Recoveries } from './recoveries.ts';
import { Refills } from './refills.ts';
import { createSender } from './sender.ts';
import { Settler } from './settler.ts';
import { Shards } from './shards.ts';
import { Sweep } from './sweep.ts';
import { Tenures } from './tenures.ts';

export interface Engine extends Control {
  /**
   * These are this engine's from now on; returns when it knows what is pending. When the store cannot be
   * read it rejects, and is asked again with the same ones.
   */
  own(shards: readonly TakenShard[]): Promise<void>;
  /**
   * Gives them up: starts nothing more for them, waits for what is in progress, writes what came of it.
   * Answers which of them had nothing in progress at the end.
   */
  release(shards: readonly number[], limitMs: number): Promise<number[]>;
  /**
   * Somebody else owns them now, or may: nothing of them starts. What is in progress goes on and is
   * settled under the epoch under which it began.
   */
  lose(shards: readonly number[]): void;
  /** What the store has just committed. */
  handOver(deliveries: readonly DueDelivery[]): void;
  /** Something was done at another node; fulfilled when it was acted upon. */
  woken(wakes: readonly Wake[]): Promise<void>;
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

/** Even when receivers used up the whole limit, what came of them is written. */
const SETTLE_AT_LEAST_MS = 2_000;
/** Kept in memory and not started, of all lanes together. */
const PREFETCH_ALL = { countMax: 32_768, bytesMax: 64 * 1024 * 1024 };
/** Without a lease it is looked at again so often. */
const LEASE_LOOK_MS = 100;

/**
 * Delivers what is pending. Its parts:
 *
 * - `shards`: which webhooks are this engine's, under which epoch
 * - `gates`: the lanes, and what the store says of their webhooks
 * - `dispatcher`: which lane is next, and what keeps the others back
 * - `refills`, `prefetch`: what of a lane is in memory
 * - `flights`: the attempts, from the signature to the settlement
 * - `recoveries`, `sweep`, `memories`: what goes on beside it, slowly
 */
export function createEngine(ports: EnginePorts, settings: EngineSettings): Engine {
  const { store, clock, vault, newId, lease } = ports;
  const exchanges = new Exchanges(ports, settings.attemptTimeoutMs);
  const settler = new Settler(ports, () => dispatcher.dispatch());
  const dispatcher: Dispatcher = new Dispatcher(clock, settings.inFlightMax, {
    start: (lane, delivery) => flights.start(lane, delivery),
    refill: (lane) => refills.begin(lane),
    isStuck: () => settler.isStuck || !hasLease(),
  });
  const prefetch = new Prefetch<Lane>(PREFETCH_ALL, (lane) => dispatcher.isStuck(lane));
  const tenures = new Tenures();
  const memories = new LaneMemories(ports);
  const gates = new Gates(ports, settings, { dispatcher, prefetch, tenures, memories });
  const refills = new Refills(ports, {
    dispatcher,
    prefetch,
    ended: (lane) => gates.rest(lane),
  });
  const recoveries = new Recoveries(ports, { gates, tenures });
  const shards = new Shards(ports, { tenures, gates, dispatcher, recoveries, memories });
  const fenced = (lane: Lane) => shards.fenced(lane.tenure);
  const flights = new Flights(ports, settings, {
    ...{ exchanges, settler, dispatcher, gates, memories },
    fenced,
  });
  const sweep = new Sweep(ports, { tenures, gates, dispatcher });
  let isLeaseAwaited = false;

  return {
    own,
    release: (some, limitMs) => shards.release(some, limitMs),
    lose: (some) => shards.lose(some),
    handOver,
    woken,
    test,
    hold,
    drain,
    load,
    webhookChanged: (webhook) => gates.changed(webhook),
    async deliveryCancelled(webhook, deliveryId) {
      // The call may be here before the hand-over of what it cancels; that is here before this answer.
      await store.target(webhook);
      const lane = gates.find(webhook.webhookId);
      if (lane === undefined) return;
      lane.endedOne();
      lane.cancel(deliveryId);
      dispatcher.offer(lane);
      dispatcher.dispatch();
    },
    async recoveryCreated(webhook, id) {
      recoveries.begin(webhook, id);
    },
  };

  async function own(taken: readonly TakenShard[]): Promise<void> {
    await shards.own(taken);
    sweep.start();
  }

  /**
   * What is of a shard that is not owned, or not under that epoch, is ignored, and it is not lost by that.
   * It has committed, so whoever takes the shard later reads it then; and if this engine owns the shard
   * under a newer epoch, or is about to, it reads what is pending after it was told to, which is after
   * this has committed. To take it all the same would be wrong: others may have delivered it since.
   */
  function handOver(deliveries: readonly DueDelivery[]): void {
    for (const delivery of deliveries) {
      const lane = gates.laneOf(delivery);
      if (lane === undefined || lane.tenure.epoch !== (delivery.epoch ?? SOLE_EPOCH)) continue;
      gates.handOver(lane, delivery);
      dispatcher.offer(lane);
    }
    dispatcher.dispatch();
  }

  /** What is of a shard that is not owned is ignored as above: its row is deleted only under its epoch. */
  async function woken(wakes: readonly Wake[]): Promise<void> {
    for (const { kind, webhooks } of wakes) if (kind === 'pending') webhooks.forEach(morePending);
    dispatcher.dispatch();
    const changed = new Map<string, WebhookRef>();
    for (const { kind, webhooks } of wakes) {
      if (kind === 'changed') for (const one of webhooks) changed.set(one.webhookId, one);
    }
    if (changed.size === 0) return;
    // One that cannot be read now stays closed until it can: nothing of it starts under what it was.
    await Promise.allSettled([...changed.values()].map((one) => gates.changedElsewhere(one)));
    for (const { webhook, id } of await store.runningRecoveries()) {
      if (changed.has(webhook.webhookId)) recoveries.begin(webhook, id);
    }
  }

  function morePending(webhook: WokenWebhook): void {
    const lane = gates.laneOf(webhook);
    if (lane === undefined) return;
    gates.morePending(lane, webhook.count);
    dispatcher.offer(lane);
  }

  /** Nobody says when it is valid again: that is looked at. */
  function hasLease(): boolean {
    if (lease.isValid()) return true;
    if (isLeaseAwaited) return false;
    isLeaseAwaited = true;
    clock.after(LEASE_LOOK_MS, () => {
      isLeaseAwaited = false;
      dispatcher.dispatch();
    });
    return false;
  }

  /** One exchange, past the lane and its bounds. */
  async function test(call: TestCall): Promise<TestOutcome | null> {
    const { event, deliveryId, webhookId } = call;
    const ref = { accountId: event.accountId, webhookId };
    const target = await store.target(ref);
    if (target === null || target.status === 'deleted') return null;
    const made = { id: newId('attempt'), number: 1, startedAt: clock.now() };
    const exchange = await new Promise<Exchange>((resolve) => {
      const sender = createSender(target, { vault, userAgent: settings.userAgent });
      const outgoing = { ...made, event, deliveryId, trigger: 'test' as const };
      exchanges.begin(sender.request(outgoing, sender.preferred(made.startedAt)), resolve);
    });
    const sent =
      exchange.kind === 'not_sent'
        ? { kind: 'failure' as const, failure: 'connection_failed' as const, note: null }
        : exchange;
    const attempt = attemptOf(sent, made);
    const status = attempt.failure === null ? 'delivered' : 'failed';
    await store.recordTest({ event, deliveryId, webhookId, status, attempt });
    const isHeld = target.heldUntil !== null || (gates.find(webhookId)?.heldUntil ?? null) !== null;
    if (status === 'delivered' && isHeld) await gates.endHold(target);
    const { id: eventId, type: eventType, accountId } = event;
    const of = { accountId, webhookId, eventId, eventType, trigger: 'test' as const };
    flights.announce(of, { deliveryId, attempt, status, waitMs: null });
    return { status, attempt };
  }

  function hold(): void {
    dispatcher.hold();
    recoveries.hold();
    sweep.stop();
  }

  async function drain(limitMs: number): Promise<DrainReport> {
    hold();
    const endsAt = clock.monotonic() + limitMs;
    const abandoned = await exchanges.drain(limitMs);
    const unsettled = await settler.drain(Math.max(SETTLE_AT_LEAST_MS, endsAt - clock.monotonic()));
    if (unsettled === 0) await memories.flush();
    return { abandoned, unsettled };
  }

  function load(): EngineLoad {
    let lanesBehind = 0;
    for (const lane of gates.all()) if (lane.more) lanesBehind += 1;
    return {
      lanes: gates.size,
      lanesBehind,
      waiting: prefetch.count,
      inFlight: exchanges.count,
      unsettled: settler.count,
    };
  }
}
