import type { Settlement, SettleResult } from '../../src/core/ports.ts';
import type { CommitParts } from './commits.ts';
import type { Life } from './lives.ts';
import type { Model, ModelDelivery, ModelExchange, Version } from './model.ts';
import { hasEnded } from './pending.ts';

/** The store has written what came of some attempts. */
export function settled(
  model: Model,
  parts: CommitParts,
  [settlements]: [readonly Settlement[]],
  value: unknown,
  life: Life,
): void {
  const results = value as readonly SettleResult[];
  for (const [index, settlement] of settlements.entries()) {
    settle(model, parts, settlement, results[index], life);
  }
}

function settle(
  model: Model,
  parts: CommitParts,
  settlement: Settlement,
  result: SettleResult | undefined,
  life: Life,
): void {
  const { trace, clock } = parts;
  const { deliveryId, attempt, firstTry, status, dueAt } = settlement;
  const delivery = model.deliveries.get(deliveryId);
  if (delivery === undefined) throw new Error(`there is no delivery ${deliveryId}`);
  const open = delivery.exchanges.filter((one) => one.life === life && !one.isSettled);
  const exchange = open.at(-1);
  const wanted = firstTry === null ? 1 : 2;
  trace.check(
    open.length === wanted && exchange?.ended !== null,
    () => `${deliveryId} is settled once for ${open.length} exchanges`,
  );
  trace.check(
    attempt.number === delivery.attemptCount + 1,
    () => `attempt ${attempt.number} of ${deliveryId} is settled after ${delivery.attemptCount}`,
  );
  trace.check(
    (result === 'settled') === (delivery.status === 'pending'),
    () => `${deliveryId}, ${delivery.status}, is ${result}`,
  );
  for (const one of open) one.isSettled = true;
  if (firstTry !== null) delivery.attempts.push(recordOf(firstTry));
  delivery.attempts.push(recordOf(attempt));
  delivery.attemptCount = attempt.number;
  if (exchange !== undefined) checkDecision(parts, delivery, exchange, settlement);
  if (delivery.status !== 'pending') return;
  delivery.status = status;
  delivery.dueSince = clock.monotonic();
  if (dueAt !== null) {
    delivery.dueAt = dueAt;
    return;
  }
  hasEnded(delivery, parts);
}

function recordOf({ id, number, startedAt }: Settlement['attempt']) {
  return { id, number, startedAt };
}

/** What follows from the exchange, under what the webhook may have been for the engine then. */
function checkDecision(
  parts: CommitParts,
  delivery: ModelDelivery,
  exchange: ModelExchange,
  settlement: Settlement,
): void {
  const { ended, allowed } = exchange;
  if (ended === null) return;
  const { attempt } = settlement;
  parts.trace.check(
    attempt.startedAt === exchange.startedAt && attempt.number === exchange.number,
    () => `${delivery.id} is settled with the attempt of another exchange`,
  );
  const versions = delivery.webhook.versions.slice(allowed, ended.newest + 1);
  const follows = versions.some((version) => isDecision(parts, version, exchange, settlement));
  parts.trace.check(
    follows,
    () =>
      `after ${ended.status} attempt ${attempt.number} of ${delivery.id} is ${JSON.stringify(settlement)} at ${ended.at}`,
  );
}

function isDecision(
  { schedule: scheduleOfAll, onGone }: CommitParts,
  { settings }: Version,
  { ended, delivery: { webhook } }: ModelExchange,
  { attempt, status, dueAt }: Settlement,
): boolean {
  if (ended === null) return false;
  const isWell = ended.status !== null && ended.status >= 200 && ended.status <= 299;
  if (isWell) return status === 'delivered' && dueAt === null;
  if (ended.status === 410 && (settings.onGone ?? onGone) === 'disable') return status === 'failed';
  const delay = (settings.retrySchedule ?? scheduleOfAll)[attempt.number];
  if (delay === undefined) return status === 'failed' && dueAt === null;
  if (status !== 'pending' || dueAt === null) return false;
  const earliest = ended.at + delay;
  if (dueAt < earliest) return false;
  return dueAt <= earliest + delay * JITTER_MAX || webhook.holds.has(dueAt);
}

const JITTER_MAX = 0.1;
