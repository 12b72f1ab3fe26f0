import type { OnGone } from '../../src/core/model.ts';
import { Consequences } from './consequences.ts';
import type { Life } from './lives.ts';
import type { MachineClock } from './machine-clock.ts';
import {
  allowedOf,
  type Model,
  type ModelDelivery,
  type ModelExchange,
  type ModelWebhook,
  newestOf,
  type Version,
} from './model.ts';
import type { Heard, Seen, Watch } from './network.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

export interface WatchParts {
  scheduler: Scheduler;
  trace: Trace;
  model: Model;
  concurrencyMax: number;
  /** What is not set for a webhook. */
  onGone: OnGone;
  /** Whether no call of the store has failed lately: what is written besides may be missing then. */
  storeIsWell: () => boolean;
  /** Whether something may start there where this one was sent: no drain has begun, for one. */
  mayStart: (exchange: ModelExchange) => boolean;
}

/** What a delivery may wait for each that was before it. */
const EACH_MS_MAX = 100;
/** A delivered test call ends what was asked for until the engine has heard that it is written. */
const TEST_HEARD_MS = 500;
/** A window of 64 is halved to 1 in six rounds. */
const PROBES_AFTER = 7;

/** Compares each exchange with what may be sent at that moment, and remembers it. */
export class ExchangeWatch implements Watch {
  /** Sent again because a crash had left no record of it. */
  duplicates = 0;
  secondTries = 0;
  /** The most that one was late, once everything was well. */
  latestMs = 0;
  readonly #parts: WatchParts;
  readonly #consequences: Consequences;
  #onTime: { since: number; lateMsMax: number } | null = null;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    this.#consequences = new Consequences(parts);
  }

  /** Everything is well: what is due from now on starts at most so late. */
  expectOnTime(lateMsMax: number): void {
    const { scheduler } = this.#parts;
    this.#onTime = { since: scheduler.monotonic(), lateMsMax };
  }

  sent(seen: Seen): ReturnType<Watch['sent']> {
    const { trace, model, scheduler } = this.#parts;
    const { deliveryId, number, life, trigger } = seen;
    trace.say(`sent ${deliveryId} ${number} ${trigger} to ${seen.url}`);
    if (trigger === 'test') return null;
    const delivery = model.deliveries.get(deliveryId);
    if (delivery === undefined) {
      trace.violated(`${deliveryId} is sent and was never accepted`);
      return null;
    }
    const exchange: ModelExchange = {
      life,
      delivery,
      number,
      isSecondTry: false,
      url: seen.url,
      signedWith: '',
      startedAt: life.clock.now(),
      sentAt: scheduler.monotonic(),
      allowed: delivery.webhook.acknowledged,
      ended: null,
      isSent: true,
      isSettled: false,
    };
    this.#check(seen, exchange);
    delivery.exchanges.push(exchange);
    delivery.webhook.exchanges.push(exchange);
    return {
      ended: (heard) => this.#ended(exchange, heard),
      told: () => this.#consequences.told(exchange),
    };
  }

  #check(seen: Seen, exchange: ModelExchange): void {
    const { delivery } = exchange;
    const wrong = (what: string) => {
      const { id, status, webhook, attemptCount } = delivery;
      this.#parts.trace.violated(
        `attempt ${exchange.number} of ${id} (${status} after ${attemptCount}, ${webhook.ref.webhookId}) ${what}`,
      );
    };
    checkIdentity(seen, delivery, wrong);
    this.#checkTurn(exchange, wrong);
    this.#checkSignatures(seen, exchange, wrong);
    this.#checkControl(seen, exchange, wrong);
    this.#checkTime(exchange, wrong);
    this.#checkRate(exchange, wrong);
    this.#checkOrder(exchange, wrong);
  }

  /** It is pending, this is its next attempt, and it is not sent twice but after a crash. */
  #checkTurn(exchange: ModelExchange, wrong: Wrong): void {
    const { delivery, number, life } = exchange;
    const { status, isCancelAcknowledged, exchanges, attemptCount } = delivery;
    const mayStart = status === 'pending' || (status === 'cancelled' && !isCancelAcknowledged);
    if (!mayStart || (status === 'cancelled' && delivery.cancelReason !== 'requested')) {
      wrong('is sent after its end');
    }
    if (number !== attemptCount + 1) wrong('has the wrong number');
    const elsewhere = exchanges.some(
      (one) => one.life !== life && one.life.wasDrained && one.ended === null,
    );
    if (elsewhere) wrong('is sent while it is in progress in a run that ended by itself');
    const before = exchanges.findLast((one) => one.isSent && one.number === number);
    if (before === undefined) return;
    if (before.life !== life) {
      if (before.life.wasDrained) wrong('is sent again after a run that ended by itself');
      this.duplicates += 1;
      return;
    }
    exchange.isSecondTry = true;
    this.secondTries += 1;
    const { ended, isSecondTry } = before;
    if (ended === null || isSecondTry) wrong('is sent twice');
    else if (ended.status !== 401 && ended.status !== 403) wrong('is sent once more for nothing');
  }

  #checkSignatures(seen: Seen, exchange: ModelExchange, wrong: Wrong): void {
    const { delivery, startedAt, number } = exchange;
    const { webhook } = delivery;
    const isSigned = (version: Version) => {
      const before = version.before !== null && startedAt < version.before.until;
      const older = before ? version.before?.secret : undefined;
      const legacy = [version.secret, ...(older === undefined ? [] : [older])].find((secret) =>
        seen.isSignedWith('legacy', secret),
      );
      if (legacy === undefined || !seen.isSignedWith('standard', version.secret)) return false;
      if (older !== undefined && !seen.isSignedWith('standard', older)) return false;
      exchange.signedWith = legacy;
      return true;
    };
    const allowed = allowedOf(webhook);
    if (!allowed.some(isSigned)) wrong('is signed with no secret in force');
    const [only, ...others] = allowed;
    if (only === undefined || others.length > 0) return;
    const first = delivery.exchanges.findLast((one) => one.isSent && one.number === number);
    if (exchange.isSecondTry) {
      if (first?.signedWith === exchange.signedWith) wrong('is signed with the same secret again');
    } else if (isKnownToPrefer(webhook) && exchange.signedWith !== only.secret) {
      wrong('is signed with the secret before, though the receiver knows the new one');
    }
  }

  /** Nothing starts under what the webhook was before the newest change that was acknowledged. */
  #checkControl({ url }: Seen, exchange: ModelExchange, wrong: Wrong): void {
    const { webhook } = exchange.delivery;
    const allowed = allowedOf(webhook);
    if (!allowed.some(({ status }) => status === 'active')) wrong('starts while nothing may');
    if (!allowed.some((version) => new URL(version.url).href === url)) wrong('goes to an old URL');
    // What is in progress at an earlier URL takes no place of the one of now.
    const besides = webhook.exchanges.filter(
      (one) => one.url === url && isOpenIn(one, exchange.life),
    );
    const inParallel = besides.length + 1;
    const most = Math.max(
      ...allowed.map(({ settings }) => settings.concurrencyMax ?? this.#parts.concurrencyMax),
    );
    if (inParallel > most) wrong(`is number ${inParallel} in parallel`);
    const isProbe = this.#consequences.failedRounds(webhook, url, exchange.life) >= PROBES_AFTER;
    if (isProbe && inParallel > 1 && !exchange.isSecondTry)
      wrong(`is number ${inParallel} to a receiver that only fails`);
  }

  #checkTime({ delivery, life }: ModelExchange, wrong: Wrong): void {
    const { clock } = life;
    const { webhook, dueAt, dueSince, attemptCount } = delivery;
    if (attemptCount > 0 && clock.latestSince(dueSince) < dueAt) wrong('is early');
    const { hold } = webhook;
    const isHeld = hold !== null && (hold.life === life || hold.isStored);
    if (isHeld && clock.latestSince(hold.heardAt) < hold.until) {
      wrong(`is sent during a hold until ${hold.until}, at ${clock.now()}`);
    }
    this.#checkLateness(delivery, life, wrong);
  }

  #checkLateness(delivery: ModelDelivery, { clock, beganAt }: Life, wrong: Wrong): void {
    const { scheduler } = this.#parts;
    const { webhook, attemptCount, dueAt, dueSince } = delivery;
    const onTime = this.#onTime;
    if (onTime === null) return;
    const isRetry = attemptCount > 0;
    if (isRetry ? dueAt < wallAt(clock, onTime.since) : dueSince < onTime.since) return;
    if (Math.max(0, ...webhook.holds) > (isRetry ? dueAt : wallAt(clock, dueSince))) return;
    const now = scheduler.monotonic();
    const dueMs = isRetry ? clock.now() - dueAt : now - dueSince;
    const lateMs = this.#freeMs(delivery, Math.min(dueMs, now - beganAt));
    this.latestMs = Math.max(this.latestMs, lateMs);
    const before = webhook.exchanges.filter((one) => one.sentAt >= now - lateMs);
    if (lateMs > onTime.lateMsMax + before.length * EACH_MS_MAX) wrong(`is ${lateMs} ms late`);
  }

  /** For how long nothing else of its webhook has kept it back: what is before it in its order, and the rate. */
  #freeMs({ webhook }: ModelDelivery, waitedMs: number): number {
    const now = this.#parts.scheduler.monotonic();
    const { exchanges } = webhook;
    const { ordering, rateLimit } = newestOf(webhook).settings;
    const last = exchanges.at(-1);
    let freeMs = waitedMs;
    if (ordering === 'strict' && last !== undefined) {
      freeMs = Math.min(freeMs, now - (last.ended?.monotonic ?? last.sentAt));
    }
    if (rateLimit === null) return freeMs;
    // What is read of the time before counts as sent when it was read, at the latest.
    const oldest = exchanges.at(-rateLimit.max)?.sentAt ?? Number.NEGATIVE_INFINITY;
    return Math.min(freeMs, now - oldest) - rateLimit.perMs;
  }

  #checkRate(exchange: ModelExchange, wrong: Wrong): void {
    const { delivery, life } = exchange;
    const { exchanges } = delivery.webhook;
    const tooMany = ({ settings }: Version) => {
      const { rateLimit } = settings;
      if (rateLimit === null) return false;
      const { max, perMs } = rateLimit;
      // Moments of before a start are known by the wall clock alone.
      if (life.clock.hasJumpedSince(exchange.sentAt - perMs)) return false;
      const since = life.clock.monotonic() - perMs;
      let count = 1;
      for (let index = exchanges.length - 1; index >= 0; index--) {
        const one = exchanges[index];
        if (one === undefined || latestMomentFor(life, one) <= since) break;
        const isForgotten = one.life !== life && isUnknown(one, exchange);
        if (one.isSent && !isForgotten && momentFor(life, one) > since) count += 1;
      }
      return count > max;
    };
    if (allowedOf(delivery.webhook).every(tooMany)) wrong('is above the rate limit');
  }

  #checkOrder({ delivery, life }: ModelExchange, wrong: Wrong): void {
    const { webhook } = delivery;
    if (!allowedOf(webhook).every(({ settings }) => settings.ordering === 'strict')) return;
    const [head] = webhook.pending.values();
    if (head !== undefined && head.seq < delivery.seq) wrong(`is sent before ${head.id}`);
    if (webhook.exchanges.some((one) => isOpenIn(one, life))) wrong('is sent beside another');
  }

  #ended(exchange: ModelExchange, { exchange: heard, askedUntil }: Heard): void {
    const { scheduler, trace } = this.#parts;
    const { delivery, allowed } = exchange;
    const { webhook } = delivery;
    const status = heard.kind === 'response' ? heard.status : null;
    trace.say(`ended ${delivery.id} ${exchange.number} ${heard.kind} ${status}`);
    const newest = webhook.versions.length - 1;
    const { clock } = exchange.life;
    exchange.ended = { at: clock.now(), monotonic: scheduler.monotonic(), status, newest };
    if (heard.kind === 'not_sent') {
      exchange.isSent = false;
      exchange.isSettled = true;
      return;
    }
    this.#consequences.ended(exchange);
    const asks = status === 429 || status === 503;
    if (!asks || askedUntil === null || askedUntil <= clock.now()) return;
    webhook.holds.add(askedUntil);
    // Nothing follows from it where the webhook is not any more.
    if (exchange.life.isOver) return;
    // What an earlier URL of it answers does not concern the one of now.
    if (webhook.versions.slice(allowed).some(({ url }) => new URL(url).href !== exchange.url))
      return;
    if (askedUntil <= (webhook.hold?.until ?? 0)) return;
    if (scheduler.monotonic() < webhook.testedAt + TEST_HEARD_MS) return;
    const { life } = exchange;
    const heardAt = scheduler.monotonic();
    webhook.hold = { until: askedUntil, heardAt, life, isStored: false };
    this.#consequences.held(webhook);
  }
}

type Wrong = (what: string) => void;

function checkIdentity(seen: Seen, { webhook, event }: ModelDelivery, wrong: Wrong): void {
  const { webhookId, accountId } = webhook.ref;
  if (seen.webhookId !== webhookId) wrong(`names ${seen.webhookId}`);
  if (seen.eventId !== event.id || seen.eventType !== event.type) wrong('names another event');
  if (seen.body !== event.body) wrong('has another body');
  if (event.accountId !== accountId) wrong('is sent under another account');
}

/** The engine has read that since it was stored. */
function isKnownToPrefer({ prefersNewSince, readAt }: ModelWebhook): boolean {
  return prefersNewSince !== null && readAt > prefersNewSince;
}

/**
 * What was in progress at a crash is counted as what was pending then. Of what had been cancelled by then,
 * and of the crash before that one, nobody knows; and how many there may have been is known by what the
 * webhook was at the start, which may have been another than at the crash.
 */
function isUnknown(
  { isSettled, delivery, life, allowed }: ModelExchange,
  now: ModelExchange,
): boolean {
  if (isSettled) return false;
  const isOlder = life.number < now.life.number - 1;
  return delivery.status === 'cancelled' || isOlder || allowed !== now.allowed;
}

/** What the wall clock would have said at that moment, had it been as it is now. */
function wallAt(clock: MachineClock, moment: number): number {
  return clock.now() - clock.monotonic() + clock.monotonicAt(moment);
}

/**
 * When it was sent, by the monotonic clock of this life. What another one has on record is known by the wall
 * clock of whoever sent it, and is never later than the beginning of this one.
 */
function momentFor(life: Life, one: ModelExchange): number {
  const { clock, beganAt } = life;
  const sentAt = clock.monotonicAt(one.sentAt);
  if (one.life === life || !one.isSettled) return sentAt;
  const onRecord = one.startedAt + clock.monotonic() - clock.now();
  return Math.min(onRecord, clock.monotonicAt(beganAt));
}

/** None that was sent before that one is later. */
function latestMomentFor({ clock, beganAt }: Life, { sentAt }: ModelExchange): number {
  return clock.monotonicAt(Math.max(sentAt, beganAt));
}

function isOpenIn(exchange: ModelExchange, life: Life): boolean {
  return exchange.life === life && exchange.ended === null;
}
