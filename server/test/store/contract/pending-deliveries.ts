import assert from 'node:assert/strict';
import type { Webhook } from '../../../src/core/model.ts';
import type { DueDelivery } from '../../../src/core/ports.ts';
import { BEGIN, type EventFields, failedAttemptOf, settlementOf, type World } from './fixtures.ts';

/** Deliveries to one webhook that were never tried, in the order of acceptance. */
export async function freshOf(
  { mine, handedOver }: World,
  webhook: Webhook,
  count: number,
  fields: EventFields = {},
): Promise<DueDelivery[]> {
  const events = await mine.publish(...Array.from({ length: count }, () => fields));
  const ids = new Set(events.map(({ id }) => id));
  return handedOver
    .flat()
    .filter(({ webhookId, event }) => webhookId === webhook.id && ids.has(event.id));
}

/** Deliveries to one webhook that failed once, to be tried again so long after the beginning. */
export async function retriesOf(
  world: World,
  webhook: Webhook,
  moments: readonly number[],
  fields: EventFields = {},
): Promise<DueDelivery[]> {
  const deliveries = await freshOf(world, webhook, moments.length, fields);
  const retries = deliveries.map((delivery, index) => {
    return { ...delivery, attemptCount: 1, dueAt: BEGIN + (moments[index] ?? 0) };
  });
  const settlements = retries.map((retry) => {
    const attempt = failedAttemptOf(world.newId('attempt'));
    return settlementOf(retry, attempt, { status: 'pending', dueAt: retry.dueAt });
  });
  const said = await world.store.settle(settlements);
  assert.ok(said.every((one) => one === 'settled'));
  return retries;
}
