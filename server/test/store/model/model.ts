import type { DueDelivery, PendingWebhook } from '../../../src/core/ports.ts';
import { type StoreCall, WRITES } from '../../../src/store/calls.ts';
import { deliveryAnswers } from './deliveries.ts';
import { Difference, expectSame } from './difference.ts';
import { eventTypeAnswers } from './event-types.ts';
import { onceAnswers } from './once.ts';
import { readAnswers } from './reads.ts';
import { recoveryAnswers } from './recoveries.ts';
import { emptyState, type Made, type State } from './state.ts';
import { webhookAnswers } from './webhooks.ts';

/** A call that the store has answered. */
export interface Answered {
  call: StoreCall;
  said: unknown;
}

/**
 * Goes through the calls in this order, and throws a `Difference` at the first that the store did not
 * answer as it has to, or when it made something pending that it ought not to.
 */
export function follow(
  state: State,
  calls: readonly Answered[],
  handedOver: readonly DueDelivery[],
): void {
  const rest = [...handedOver];
  const before = new Set(state.deliveries.keys());
  const made: Made = {
    isBefore: ({ id }) => calls.length === 1 || before.has(id),
    take(isWanted) {
      const index = rest.findIndex(isWanted);
      return index === -1 ? undefined : rest.splice(index, 1)[0];
    },
  };
  for (const { call, said } of calls) {
    const answers = answersOf(state, said);
    const answer = answers[call.operation as keyof typeof answers] as Answer | undefined;
    if (answer === undefined) throw new Error(`the model has no ${call.operation}`);
    const wanted = answer(made, ...structuredClone(call.args));
    expectSame(call.operation, comparable(call, said), comparable(call, wanted));
  }
  if (rest.length > 0) throw new Difference(`too much is handed over: ${JSON.stringify(rest)}`);
}

/**
 * Calls that were made at once have the same outcome as one after the other, in some order: each order that
 * these answers allow, as the state behind it.
 */
export function followInAnyOrder(
  state: State,
  calls: readonly Answered[],
  handedOver: readonly DueDelivery[],
): State[] {
  return possible(ordersOf(calls), (order) => {
    const after = structuredClone(state);
    follow(after, order, handedOver);
    return after;
  });
}

/** What is left of these for which it goes on without a difference; one at least. */
export function possible<From, To>(all: readonly From[], goOn: (from: From) => To): To[] {
  const differences = new Set<string>();
  const left = all.flatMap((from) => {
    try {
      return [goOn(from)];
    } catch (error) {
      if (!(error instanceof Difference)) throw error;
      differences.add(error.message);
      return [];
    }
  });
  if (left.length === 0) throw new Difference([...differences].join(' / '));
  return left;
}

type Answer = (made: Made, ...args: readonly unknown[]) => unknown;

function answersOf(state: State, said: unknown) {
  return {
    ...eventTypeAnswers(state),
    ...webhookAnswers(state),
    ...deliveryAnswers(state),
    ...recoveryAnswers(state),
    ...readAnswers(state),
    ...onceAnswers(state, () => Number(said)),
  };
}

/** The calls of the port that the model does not answer. */
export const NOT_MODELLED = Object.keys(WRITES).filter(
  (name) => !(name in answersOf(emptyState([]), 0)),
);

function ordersOf<Item>(items: readonly Item[]): Item[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((first, index) =>
    ordersOf(items.toSpliced(index, 1)).map((others) => [first, ...others]),
  );
}

/** Without what the port leaves open: the order of what is not a list, and counts nobody asked for. */
function comparable({ operation, args }: StoreCall, value: unknown): unknown {
  switch (operation) {
    case 'eventTypeNames':
      return (value as string[]).toSorted();
    case 'subscriptions': {
      const { version, webhooks } = value as { version: number; webhooks: { id: string }[] };
      return { version, webhooks: webhooks.toSorted(byId) };
    }
    case 'runningRecoveries':
      return (value as { id: string }[]).toSorted(byId);
    case 'webhooksWithPending': {
      const [{ counts }] = args as [{ counts: boolean }];
      const { items, next } = value as { items: PendingWebhook[]; next: unknown };
      return { items: counts ? items : items.map(({ count, ...item }) => item), next };
    }
    default:
      return value;
  }
}

function byId(a: { id: string }, b: { id: string }): number {
  return a.id < b.id ? -1 : 1;
}
