import type { Engine } from '../../src/engine/engine.ts';
import type { Model, ModelDelivery } from './model.ts';
import { newestOf } from './model.ts';
import type { SimulatedStore } from './simulated-store.ts';
import type { Trace } from './trace.ts';

export interface EndParts {
  model: Model;
  store: Pick<SimulatedStore, 'look'>;
  trace: Trace;
  engines: readonly Engine[];
  /** What the wall clock says. */
  now: number;
}

/** Everything has ended, and the store says so; answers how many exchanges a crash left unrecorded. */
export function checkEnd(parts: EndParts): number {
  parts.trace.check(parts.engines.length > 0, () => 'no engine runs at the end');
  for (const engine of parts.engines) checkEngine(engine, parts);
  checkEvents(parts);
  checkRecoveries(parts);
  checkWebhooks(parts);
  let unrecorded = 0;
  for (const delivery of parts.model.deliveries.values()) {
    checkDelivery(parts, delivery);
    unrecorded += unrecordedOf(parts, delivery);
  }
  return unrecorded;
}

function checkEngine(engine: Engine, { trace, model, now }: EndParts): void {
  const { waiting, inFlight, unsettled, lanesBehind } = engine.load();
  // A lane that is held does not look whether it has more.
  const held = [...model.webhooks.values()].filter(({ holds }) => Math.max(0, ...holds) > now);
  const behind = Math.max(0, lanesBehind - held.length);
  const left = { waiting, inFlight, unsettled, behind };
  const isIdle = Object.values(left).every((count) => count === 0);
  trace.check(isIdle, () => `the engine still has ${JSON.stringify(left)}`);
}

function checkRecoveries({ model, trace }: EndParts): void {
  for (const { id, isDone } of model.recoveries.values()) {
    trace.check(isDone, () => `${id} has not ended`);
  }
}

function checkEvents({ model, store, trace }: EndParts): void {
  for (const { accountId, id, body, type } of model.events.values()) {
    const event = store.look('getEvent', accountId, id);
    trace.check(event?.body === body && event.type === type, () => `${id} is ${event?.body}`);
  }
}

function checkWebhooks({ model, store, trace }: EndParts): void {
  for (const webhook of model.webhooks.values()) {
    const version = newestOf(webhook);
    const { accountId, webhookId } = webhook.ref;
    const stored = store.look('getWebhook', accountId, webhookId);
    const status = stored?.status ?? 'deleted';
    trace.check(status === version.status, () => `${webhookId} is ${status}`);
    if (stored === null) continue;
    const same =
      stored.url === version.url &&
      JSON.stringify(stored.settings) === JSON.stringify(version.settings);
    trace.check(same, () => `${webhookId} is ${JSON.stringify(stored)}`);
  }
}

function checkDelivery({ store, trace }: EndParts, delivery: ModelDelivery): void {
  const { accountId, id, status, attemptCount, cancelReason, attempts } = delivery;
  const found = store.look('getDelivery', accountId, id);
  const said = found?.delivery;
  const wanted = { status, attemptCount, cancelReason };
  trace.check(
    said?.status === status &&
      said.attemptCount === attemptCount &&
      said.cancelReason === cancelReason &&
      (status === 'pending') === (said.dueAt !== null),
    () => `${id} is ${JSON.stringify(said)}, not ${JSON.stringify(wanted)}`,
  );
  const { ref, versions } = delivery.webhook;
  trace.check(
    status !== 'pending',
    () =>
      `${id} of ${ref.webhookId}, ${versions.map((one) => one.status)}, stays pending since ${delivery.dueSince}`,
  );
  const stored = (found?.attempts ?? []).map((one) => one.id).toSorted();
  trace.check(
    stored.join() ===
      attempts
        .map((one) => one.id)
        .toSorted()
        .join(),
    () => `${id} has the attempts ${stored}, not ${attempts.map((one) => one.id)}`,
  );
}

/** Every exchange has its attempt, unless its process fell before that was written. */
function unrecordedOf({ trace }: EndParts, { id, exchanges }: ModelDelivery): number {
  let unrecorded = 0;
  for (const { isSettled, life, number } of exchanges) {
    if (isSettled) continue;
    trace.check(
      life.isOver && !life.wasDrained,
      () => `attempt ${number} of ${id} was sent and is not recorded`,
    );
    unrecorded += 1;
  }
  return unrecorded;
}
