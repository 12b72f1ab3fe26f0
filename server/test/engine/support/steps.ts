import assert from 'node:assert/strict';
import { DEFAULT_WEBHOOK_SETTINGS, type WebhookSettings } from '../../../src/core/model.ts';
import type { Exchange } from '../../../src/core/ports.ts';
import { eventOf } from '../../store/contract/fixtures.ts';
import { settled } from './fake-clock.ts';
import { OK, type Sent } from './fake-transport.ts';
import type { World } from './world.ts';

/** What tests of the engine do again and again. */

export function withSettings(settings: Partial<WebhookSettings>): { settings: WebhookSettings } {
  return { settings: { ...DEFAULT_WEBHOOK_SETTINGS, ...settings } };
}

/** Answers what is open now. */
export async function answerOpen({ transport }: World, exchange: Exchange = OK): Promise<void> {
  for (const sent of transport.open()) sent.answer(exchange);
  await settled();
}

/** Answers until nothing is open. */
export async function answerAll(world: World, exchange: Exchange = OK): Promise<void> {
  while (world.transport.open().length > 0) await answerOpen(world, exchange);
}

/** Answers the only exchange that is open. */
export async function answerOne({ transport }: World, exchange: Exchange = OK): Promise<Sent> {
  const [sent, ...others] = transport.open();
  assert.ok(sent !== undefined, 'one is open');
  assert.deepEqual(others, [], 'and no other');
  sent.answer(exchange);
  await settled();
  return sent;
}

/** The ids of the events that were sent, in their order, from the exchange number so many (from 0) on. */
export function sentEvents({ transport }: World, from = 0): string[] {
  return transport.sent.slice(from).map(({ eventId }) => eventId);
}

export async function testCall({ engine, newId, clock }: World, webhookId: string) {
  const event = eventOf('acc_default', newId('testEvent'), clock.now());
  return await engine.test({ event, webhookId, deliveryId: newId('delivery') });
}

export interface Kept {
  isReached: boolean;
  release(): void;
}

/** Keeps the engine's calls of an operation from the store, until they are released. */
export function keepBefore({ faults }: World, operation: string): Kept {
  const { kept, gate } = gateAt(operation);
  faults.before = gate;
  return kept;
}

/** Keeps the store's answers to an operation from the engine, until they are released. */
export function keepAfter({ faults }: World, operation: string): Kept {
  const { kept, gate } = gateAt(operation);
  faults.after = gate;
  return kept;
}

function gateAt(operation: string): { kept: Kept; gate: (called: string) => Promise<void> | void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const kept: Kept = { isReached: false, release: resolve };
  const gate = (called: string) => {
    if (called !== operation) return;
    kept.isReached = true;
    return promise;
  };
  return { kept, gate };
}

/** Makes the engine's next so many calls of an operation fail. */
export function failing({ faults }: World, operation: string, times: number): void {
  let left = times;
  faults.before = (called) => {
    if (called !== operation || left === 0) return;
    left -= 1;
    throw new Error('the store cannot be used now');
  };
}

/** What is there, or the test ends here. */
export function expectOne<Item>(items: readonly Item[]): Item {
  assert.equal(items.length, 1);
  const [item] = items;
  if (item === undefined) throw new assert.AssertionError({ message: 'there is none' });
  return item;
}
