import type { Delivery, Webhook } from '../../src/core/model.ts';
import type { Seen } from './network.ts';
import { ATTEMPT_TIMEOUT_MS, SCHEDULE_MS, type World } from './world.ts';

/** A retry may be late by what a probe, a turn and a slow store take, while nothing else is wrong. */
const LATE_MS_MAX = 30_000;

export interface Verdict {
  /** What did not hold, one sentence each. */
  faults: string[];
  exchanges: number;
  deliveries: number;
  /** Exchanges of deliveries that had been answered with 2xx before: only after a crash. */
  duplicates: number;
}

/** What must hold at the end, when everything has had its time. */
export async function judge(world: World): Promise<Verdict> {
  const faults = [...world.faults];
  const byDelivery = Map.groupBy(
    world.network.seen.filter(({ trigger }) => trigger !== 'test'),
    ({ deliveryId }) => deliveryId,
  );
  let duplicates = 0;
  let count = 0;
  for (const webhook of world.webhooks) {
    const all = await world.deliveriesOf(webhook);
    const deliveries = all.filter(({ trigger }) => trigger !== 'test');
    count += deliveries.length;
    faults.push(...missing(world, webhook, deliveries));
    for (const delivery of deliveries) {
      const seen = byDelivery.get(delivery.id) ?? [];
      faults.push(...faultsOf(delivery, seen, webhook, world));
      duplicates += repeated(seen);
    }
    const own = world.network.seen.filter(
      (one) => one.webhookId === webhook.id && one.trigger !== 'test',
    );
    faults.push(...insideHold(world, webhook, own));
    if (world.changesSettings.has(webhook.id)) continue;
    if (webhook.settings.ordering === 'strict') faults.push(...outOfOrder(own));
    faults.push(...aboveRate(world, webhook, own));
  }
  const { inFlight, unsettled } = world.engine.load();
  if (inFlight + unsettled > 0)
    faults.push(`${inFlight} exchanges and ${unsettled} outcomes are left`);
  return { faults, exchanges: world.network.seen.length, deliveries: count, duplicates };
}

/** I2: each accepted event has a delivery for each webhook that subscribed. */
function missing(world: World, webhook: Webhook, deliveries: readonly Delivery[]): string[] {
  const events = new Set(deliveries.map(({ eventId }) => eventId));
  return world.accepted
    .filter(({ eventId, webhookIds }) => webhookIds.includes(webhook.id) && !events.has(eventId))
    .map(({ eventId }) => `${eventId} was accepted for ${webhook.id} and has no delivery`);
}

function faultsOf(
  delivery: Delivery,
  seen: readonly Seen[],
  webhook: Webhook,
  world: World,
): string[] {
  const faults: string[] = [];
  const say = (what: string) => faults.push(`${delivery.id}: ${what}`);
  if (delivery.status === 'pending' && webhook.status === 'active') say('is still pending');
  const succeeded = seen.some(isWell);
  if (delivery.status === 'delivered' && !succeeded) say('is delivered, and nobody got it');
  if (delivery.status === 'failed' && succeeded && world.crashes === 0)
    say('failed, and was taken');
  for (const [index, one] of seen.entries()) {
    const before = seen[index - 1];
    if (before === undefined || before.life !== one.life) continue;
    if (before.endedAt === null || before.endedAt > one.startedAt) say('is sent twice at once');
    else if (isWell(before)) say('is sent again after it was taken');
    else if (one.attempt === before.attempt) {
      if (before.outcome?.kind !== 'response') say('has two exchanges of one attempt');
    } else if (one.attempt !== before.attempt + 1)
      say(`attempt ${one.attempt} after ${before.attempt}`);
    else if (!world.hasJumped) faultsOfWait(before, one).forEach(say);
  }
  return faults;
}

/** The schedule counts from the end of the attempt before, and jitter only adds. */
function faultsOfWait(before: Seen, one: Seen): string[] {
  const wait = SCHEDULE_MS[before.attempt] ?? 0;
  const waited = one.startedAt - (before.endedAt ?? 0);
  return waited < wait ? [`attempt ${one.attempt} came after ${waited} ms instead of ${wait}`] : [];
}

function repeated(seen: readonly Seen[]): number {
  return Math.max(0, seen.filter(isWell).length - 1);
}

function isWell({ outcome }: Seen): boolean {
  return outcome?.kind === 'response' && outcome.status >= 200 && outcome.status < 300;
}

/** Ids sort by acceptance: a strict lane never goes back, and never goes on before the head has ended. */
function outOfOrder(seen: readonly Seen[]): string[] {
  const faults: string[] = [];
  for (const [index, one] of seen.entries()) {
    const before = seen[index - 1];
    if (before === undefined) continue;
    if (one.deliveryId < before.deliveryId && one.life === before.life) {
      faults.push(`${one.deliveryId} is sent after ${before.deliveryId}, strictly`);
    }
    const overlaps = before.endedAt === null || before.endedAt > one.startedAt;
    if (overlaps && one.life === before.life)
      faults.push(`${one.deliveryId} does not wait its turn`);
  }
  return faults;
}

function aboveRate(world: World, { settings, id }: Webhook, seen: readonly Seen[]): string[] {
  const limit = settings.rateLimit;
  // What is stored has the wall clock's times: where that was set and the process fell, they are lost.
  if (limit === null || (world.hasJumped && world.crashes > 0)) return [];
  return seen
    .filter(({ startedAt, life }) => {
      const within = seen.filter(
        (one) =>
          one.startedAt <= startedAt &&
          startedAt - one.startedAt < limit.perMs &&
          // What was in progress at the last crash but one left no record anywhere.
          (one.endedAt !== null || life - one.life < 2),
      );
      return within.length > limit.max;
    })
    .map(
      ({ startedAt: at }) => `${id} got more than ${limit.max} within ${limit.perMs} ms, at ${at}`,
    );
}

/** Nothing starts between an answer that asked to wait and what it asked for. */
function insideHold(world: World, webhook: Webhook, seen: readonly Seen[]): string[] {
  if (world.endsHolds.has(webhook.id) || world.hasJumped) return [];
  const holds = seen.filter(({ heldUntil, endedAt }) => heldUntil !== null && endedAt !== null);
  return seen
    .filter(({ startedAt, life }) =>
      holds.some((hold) => {
        const [from, until] = [hold.endedAt ?? 0, hold.heldUntil ?? 0];
        return hold.life === life && startedAt > from && startedAt < until - 1;
      }),
    )
    .map(({ deliveryId, startedAt }) => `${deliveryId} starts at ${startedAt}, while it is held`);
}

/** The longest that anything may take once all receivers are well again. */
export const EVERYTHING_ENDS_MS =
  SCHEDULE_MS.reduce<number>((sum, ms) => sum + 1.1 * ms + ATTEMPT_TIMEOUT_MS, 0) + LATE_MS_MAX;
