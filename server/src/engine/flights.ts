import type { AttemptEnded } from '../core/announcements.ts';
import type { Attempt, Trigger } from '../core/model.ts';
import { attemptOf, decide, isGone, type SentExchange, verdictOf } from '../core/outcome.ts';
import type { DueDelivery, Exchange, LaneRef, Settlement, SettleResult } from '../core/ports.ts';
import { retryAfter } from '../core/retry-after.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Exchanges } from './exchanges.ts';
import type { FirstTry, Flight } from './flight.ts';
import type { Gates } from './gates.ts';
import type { Lane } from './lane.ts';
import type { LaneMemories } from './lane-memories.ts';
import type { EnginePorts, EngineSettings } from './ports.ts';
import type { SecretName, Sender } from './sender.ts';
import type { Settler } from './settler.ts';

/** A webhook is not disabled for its failures before so many attempts have failed since the last success. */
export const DISABLE_ATTEMPTS_MIN = 10;

const STORE_RETRY_MS = 500;

export interface FlightParts {
  exchanges: Exchanges;
  settler: Settler;
  dispatcher: Dispatcher;
  gates: Gates;
  memories: LaneMemories;
  /** Somebody else owns the lane's shard by now. */
  fenced: (lane: Lane) => void;
}

/**
 * The attempts: each is a pipeline of steps over one flight.
 *
 * load → sign → connect guard → send → read (bounded) → decide → settle
 */
export class Flights {
  readonly #ports: EnginePorts;
  readonly #settings: EngineSettings;
  readonly #parts: FlightParts;

  constructor(ports: EnginePorts, settings: EngineSettings, parts: FlightParts) {
    this.#ports = ports;
    this.#settings = settings;
    this.#parts = parts;
  }

  start(lane: Lane, delivery: DueDelivery): void {
    const { clock, newId } = this.#ports;
    if (lane.sender === null) throw new Error('an open lane has a sender');
    const startedAt = clock.now();
    const flight: Flight = {
      delivery,
      sender: lane.sender,
      receiver: lane.receiver,
      place: this.#parts.dispatcher.turns.begin(lane),
      progress: { began: clock.monotonic(), list: null, older: null, newer: null },
      arrivedAt: null,
      attemptId: newId('attempt'),
      number: delivery.attemptCount + 1,
      startedAt,
      secret: lane.sender.preferred(startedAt),
      isCancelled: false,
      disables: null,
      firstTry: null,
      list: null,
      older: null,
      newer: null,
    };
    lane.inProgress.add(flight.progress);
    lane.unsettled.add(flight);
    const request = requestOf(flight);
    const written = this.#beforeArrival(lane, flight);
    this.#parts.exchanges.begin(
      request,
      (exchange) => this.#ended(lane, flight, exchange),
      written,
    );
  }

  /**
   * A rate counts a request when it has arrived: before that there may be a name to look up, a connection
   * and a handshake to make, and it is on its way. Until then it takes a place. What is answered has
   * arrived; without an answer that is taken to be so a while after it was written. Answers what is to be
   * called when it is.
   */
  #beforeArrival(lane: Lane, flight: Flight): (() => void) | undefined {
    flight.arrivedAt = null;
    if (lane.rate === null) return undefined;
    lane.unarrived.add(flight);
    const { attemptId } = flight;
    return () => {
      this.#ports.clock.after(lane.rate?.arrivalMs ?? 0, () => {
        if (flight.attemptId === attemptId && lane.unarrived.has(flight))
          this.#arrived(lane, flight);
      });
    };
  }

  #arrived(lane: Lane, flight: Flight): void {
    const now = this.#ports.clock.monotonic();
    lane.unarrived.delete(flight);
    flight.arrivedAt = now;
    lane.rate?.sent(now);
    // From now on it is known when its place is free.
    this.#parts.dispatcher.offer(lane);
    this.#parts.dispatcher.dispatch();
  }

  announce(
    of: {
      accountId: string;
      webhookId: string;
      eventId: string;
      eventType: string;
      trigger: Trigger;
    },
    ended: Pick<AttemptEnded, 'deliveryId' | 'attempt' | 'status' | 'waitMs'>,
  ): void {
    const { attempt } = this.#ports.announcements;
    if (attempt.hasSubscribers) attempt.publish({ ...of, ...ended });
  }

  #ended(lane: Lane, flight: Flight, exchange: Exchange): void {
    const { dispatcher } = this.#parts;
    if (lane.unarrived.has(flight)) this.#arrived(lane, flight);
    if (exchange.kind !== 'not_sent' && this.#secondTry(lane, flight, exchange)) return;
    lane.inProgress.remove(flight.progress);
    dispatcher.turns.end(flight.place);
    if (exchange.kind !== 'not_sent') this.#decide(lane, flight, exchange);
    else if (flight.firstTry !== null) this.#onlyFirstSent(lane, flight, flight.firstTry);
    else this.#notSent(lane, flight);
    dispatcher.offer(lane);
    dispatcher.dispatch();
  }

  /** Our own machine had no descriptor or port left: the delivery waits, and spends no attempt. */
  #notSent(lane: Lane, flight: Flight): void {
    lane.settle(flight);
    lane.readAgain(flight.delivery);
    this.#parts.dispatcher.exhausted();
  }

  /** There is no second try, but the first one took place. */
  #onlyFirstSent(lane: Lane, flight: Flight, { attempt, exchange, secret }: FirstTry): void {
    flight.attemptId = attempt.id;
    flight.startedAt = attempt.startedAt;
    flight.secret = secret;
    flight.firstTry = null;
    this.#decide(lane, flight, exchange);
    this.#parts.dispatcher.exhausted();
  }

  /**
   * A receiver that refuses the signature during a rotation may know the other secret: the same attempt
   * is sent once more at once. Not under what the webhook was before it changed, and not above its rate.
   */
  #secondTry(lane: Lane, flight: Flight, exchange: SentExchange): boolean {
    if (exchange.kind !== 'response' || flight.firstTry !== null) return false;
    if (flight.isCancelled) return false;
    if (exchange.status !== 401 && exchange.status !== 403) return false;
    const { clock, newId } = this.#ports;
    const startedAt = clock.now();
    const other = flight.sender.other(flight.secret, startedAt);
    if (other === null || lane.sender !== flight.sender || lane.gate !== 'open') return false;
    if (lane.rateFreeAt > clock.monotonic() || this.#parts.dispatcher.isHeld) return false;
    if (!this.#ports.lease.isValid()) return false;
    // Another exchange has just been asked to wait.
    if ((lane.heldUntil ?? 0) > startedAt) return false;
    const { attemptId: id, number, startedAt: firstStartedAt, secret, arrivedAt } = flight;
    const attempt = attemptOf(exchange, { id, number, startedAt: firstStartedAt });
    flight.firstTry = { attempt, exchange, secret, arrivedAt };
    flight.attemptId = newId('attempt');
    flight.startedAt = startedAt;
    flight.secret = other;
    const { began } = flight.progress;
    const ended = (second: Exchange) => this.#ended(lane, flight, second);
    const writtenAgain = this.#beforeArrival(lane, flight);
    this.#parts.exchanges.beginAgain(requestOf(flight), began, ended, writtenAgain);
    return true;
  }

  #decide(lane: Lane, flight: Flight, exchange: SentExchange): void {
    const { clock, random } = this.#ports;
    const { delivery, receiver } = flight;
    const firstTry = flight.firstTry?.attempt ?? null;
    const endedAt = clock.now();
    const ended = clock.monotonic();
    const attempt = attemptOf(exchange, {
      id: flight.attemptId,
      number: flight.number,
      startedAt: flight.startedAt,
      note: firstTry === null ? null : 'second_secret',
    });
    receiver.ended(verdictOf(exchange), { began: flight.progress.began, ended, at: endedAt });
    this.#learn(lane, flight, exchange, attempt);
    const { status, dueAt } = decide(attempt, {
      schedule: lane.schedule,
      onGone: lane.disablesWhenGone ? 'disable' : 'retry',
      endedAt,
      fraction: random.fraction(),
    });
    const { seq, accountId, webhookId, id: deliveryId } = delivery;
    const { epoch } = lane.tenure;
    this.#parts.settler.add(
      { seq, epoch, accountId, webhookId, deliveryId, attempt, firstTry, status, dueAt },
      (settlement, result) => this.#settled(lane, flight, settlement, result),
    );
  }

  /** What follows for the webhook. What an earlier URL of it answered does not concern the one of now. */
  #learn(lane: Lane, flight: Flight, exchange: SentExchange, attempt: Attempt): void {
    if (lane.gate === 'lost') return;
    // Also of a webhook that was disabled and enabled meanwhile: what it asks for is asked there still.
    if (exchange.kind === 'response' && lane.url === flight.sender.url) this.#hold(lane, exchange);
    if (lane.receiver !== flight.receiver) return;
    const { gates, memories } = this.#parts;
    memories.note(lane);
    if (attempt.failure === null) {
      if (flight.firstTry !== null && flight.secret === 'newest')
        this.#preferNewest(lane, flight.sender);
      return;
    }
    if (isGone(attempt) && lane.disablesWhenGone) flight.disables = 'gone';
    else if (this.#hasFailedTooLong(lane)) flight.disables = 'failing';
    // Not before this delivery has failed, or it would be cancelled with the others.
    if (flight.disables !== null) gates.stop(lane);
  }

  #preferNewest(lane: Lane, sender: Sender): void {
    sender.preferNewest();
    // The webhook may have been read again since, and have the same secrets still.
    if (lane.sender?.secretSealed === sender.secretSealed) lane.sender.preferNewest();
    const { store } = this.#ports;
    // When it cannot be stored, the next second try says so again.
    store.preferNewSecret(lane.webhook, sender.secretSealed).catch(() => {});
  }

  #hold(
    lane: Lane,
    { status, retryAfter: header }: { status: number; retryAfter: string | null },
  ): void {
    if (status !== 429 && status !== 503) return;
    const until = retryAfter(header, this.#ports.clock.now());
    if (until === null || until <= (lane.heldUntil ?? 0)) return;
    lane.heldUntil = until;
    this.#storeHold(lane, lane.ref, until);
  }

  /** It holds here in any case; what is stored is for a restart and for whoever looks. */
  #storeHold(lane: Lane, ref: LaneRef, until: number): void {
    const { store, clock } = this.#ports;
    store.holdWebhook(ref, until).catch(() => {
      clock.after(STORE_RETRY_MS, () => {
        if (lane.heldUntil === until) this.#storeHold(lane, ref, until);
      });
    });
  }

  #hasFailedTooLong({ receiver }: Lane): boolean {
    const { disableAfterMs } = this.#settings;
    if (disableAfterMs === 0 || receiver.failingSince === null) return false;
    if (receiver.failedAttempts < DISABLE_ATTEMPTS_MIN) return false;
    return this.#ports.clock.now() - receiver.failingSince >= disableAfterMs;
  }

  #settled(lane: Lane, flight: Flight, settlement: Settlement, result: SettleResult): void {
    const { dispatcher, gates } = this.#parts;
    const { delivery } = flight;
    const { attempt, firstTry, dueAt, status, deliveryId } = settlement;
    lane.settle(flight);
    if (result === 'fenced') {
      this.#fenced(lane, flight);
      return;
    }
    if (flight.disables !== null) gates.disable(lane, flight.disables);
    const isPending = result === 'settled' && dueAt !== null;
    if (result === 'settled' && dueAt === null) lane.endedOne();
    // A strict lane waits with the head for its retry: it takes that up at once.
    if (isPending && lane.isStrict) lane.readAgain(delivery);
    else lane.release(delivery);
    if (isPending && !lane.isClosed) dispatcher.dueAt(lane, dueAt);
    if (lane.isStrict && result === 'settled' && status === 'failed') {
      this.#ports.announcements.headFailed.publish({ ...lane.webhook, deliveryId });
    }
    dispatcher.offer(lane);
    dispatcher.dispatch();
    gates.rest(lane);
    const { accountId, webhookId, event, trigger } = delivery;
    const of = { accountId, webhookId, eventId: event.id, eventType: event.type, trigger };
    if (firstTry !== null) {
      const waitMs = firstTry.startedAt - delivery.dueAt;
      this.announce(of, { deliveryId, attempt: firstTry, status: 'pending', waitMs });
    }
    const waitMs = attempt.startedAt - delivery.dueAt;
    this.announce(of, { deliveryId, attempt, status, waitMs });
  }

  /** Its shard was taken while it was in progress: what came of it is nowhere, and may happen again there. */
  #fenced(lane: Lane, { delivery, number }: Flight): void {
    lane.release(delivery);
    const { id: deliveryId } = delivery;
    this.#ports.announcements.fenced.publish({ ...lane.webhook, deliveryId, number });
    this.#parts.fenced(lane);
  }
}

function requestOf({ delivery, sender, number, startedAt, secret }: Flight) {
  const { event, id: deliveryId, trigger } = delivery;
  return sender.request(
    { event, deliveryId, trigger, number, startedAt },
    secret satisfies SecretName,
  );
}
