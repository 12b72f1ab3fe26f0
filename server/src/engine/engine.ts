import { attemptOf } from '../core/outcome.ts';
import type { Control, DueDelivery, Exchange, TestCall, TestOutcome } from '../core/ports.ts';
import { Dispatcher } from './dispatcher.ts';
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
import { Sweep } from './sweep.ts';

export interface Engine extends Control {
  /** Learns what is pending; returns when everything that is due has been asked for. */
  start(run: EngineRun): Promise<void>;
  /** What the store has just committed. */
  handOver(deliveries: readonly DueDelivery[]): void;
  /** Starts no delivery any more; what is in progress goes on, and test calls still work. */
  hold(): void;
  /** Starts nothing more, waits for what is in progress, writes what came of it. */
  drain(limitMs: number): Promise<DrainReport>;
  /** What is in memory now; counted when it is asked for. */
  load(): EngineLoad;
}

export interface EngineRun {
  /** The run before did not end by itself: what was in progress then left no record. */
  afterCrash: boolean;
  /** Which webhooks are this engine's. */
  owns: (webhookId: string) => boolean;
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

const START_PAGE = 1_000;
/** Even when receivers used up the whole limit, what came of them is written. */
const SETTLE_AT_LEAST_MS = 2_000;
/** Kept in memory and not started, of all lanes together. */
const PREFETCH_ALL = { countMax: 32_768, bytesMax: 64 * 1024 * 1024 };

/**
 * Delivers what is pending. Its parts:
 *
 * - `gates`: the lanes, and what the store says of their webhooks
 * - `dispatcher`: which lane is next, and what keeps the others back
 * - `refills`, `prefetch`: what of a lane is in memory
 * - `flights`: the attempts, from the signature to the settlement
 * - `recoveries`, `sweep`, `memories`: what goes on beside it, slowly
 */
export function createEngine(ports: EnginePorts, settings: EngineSettings): Engine {
  const { store, clock, vault, newId } = ports;
  const exchanges = new Exchanges(ports, settings.attemptTimeoutMs);
  const settler = new Settler(ports, () => dispatcher.dispatch());
  const dispatcher: Dispatcher = new Dispatcher(clock, settings.inFlightMax, {
    start: (lane, delivery) => flights.start(lane, delivery),
    refill: (lane) => refills.begin(lane),
    isStuck: () => settler.isStuck,
  });
  const prefetch = new Prefetch<Lane>(PREFETCH_ALL, (lane) => dispatcher.isStuck(lane));
  const gates = new Gates(ports, settings, { dispatcher, prefetch });
  const refills = new Refills(ports, {
    dispatcher,
    prefetch,
    ended: (lane) => gates.forgetIfIdle(lane),
  });
  const memories = new LaneMemories(ports);
  const parts = { exchanges, settler, dispatcher, gates, memories };
  const flights = new Flights(ports, settings, parts);
  const recoveries = new Recoveries(ports, gates);
  let sweep: Sweep | null = null;

  return {
    start,
    handOver,
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
      lane.pending -= 1;
      lane.cancel(deliveryId);
      dispatcher.offer(lane);
      dispatcher.dispatch();
    },
    async recoveryCreated(webhook, id) {
      recoveries.begin(webhook, id);
    },
  };

  async function start({ afterCrash, owns }: EngineRun): Promise<void> {
    let after = null;
    do {
      const page = await store.webhooksWithPending({ after, limit: START_PAGE, counts: true });
      for (const { dueAt, count, ...webhook } of page.items) {
        if (!owns(webhook.webhookId)) continue;
        const lane = gates.laneOf(webhook);
        // What was handed over meanwhile is among them.
        lane.pending = Math.max(lane.pending, count);
        if (afterCrash) lane.unknownSends = { count, at: clock.monotonic() };
        dispatcher.dueAt(lane, dueAt);
      }
      after = page.next;
    } while (after !== null);
    for (const { webhook, id } of await store.runningRecoveries()) {
      if (owns(webhook.webhookId)) recoveries.begin(webhook, id);
    }
    sweep = new Sweep(ports, { owns, gates, dispatcher });
    sweep.start();
  }

  function handOver(deliveries: readonly DueDelivery[]): void {
    for (const delivery of deliveries) {
      const lane = gates.laneOf(delivery);
      gates.handOver(lane, delivery);
      dispatcher.offer(lane);
    }
    dispatcher.dispatch();
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
    if (status === 'delivered' && isHeld) await gates.endHold(ref);
    const { id: eventId, type: eventType, accountId } = event;
    const of = { accountId, webhookId, eventId, eventType, trigger: 'test' as const };
    flights.announce(of, { deliveryId, attempt, status, waitMs: null });
    return { status, attempt };
  }

  function hold(): void {
    dispatcher.hold();
    recoveries.hold();
    sweep?.stop();
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
