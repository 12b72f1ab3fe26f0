import { covers } from '../../src/core/event-types.ts';
import { firstIdAt } from '../../src/core/ids.ts';
import type { DueDelivery, OnceResult, RecoveryStep } from '../../src/core/ports.ts';
import type { CommitParts } from './commits.ts';
import { type Args, type Model, newestOf } from './model.ts';
import type { Pending } from './pending.ts';

/** What a recovery brings back, step by step. */
export function recoveryCommits(model: Model, { trace }: CommitParts, pending: Pending) {
  return { recoveryCreated, recovered };

  function recoveryCreated([recovery]: Args<'createRecovery'>, value: OnceResult<string>): void {
    if (!('result' in value) || value.result !== 'created') return;
    const { accountId, id, since, until } = recovery;
    const webhook = pending.webhookOf(recovery);
    const position = firstIdAt(since);
    model.recoveries.set(id, { accountId, id, webhook, until, position, isDone: false });
  }

  /** Looks at the same events in the same order as the store has to, and wants the same of them. */
  function recovered(
    [{ id, limit }]: Args<'recoverStep'>,
    value: RecoveryStep,
    made: readonly DueDelivery[],
  ): void {
    const recovery = model.recoveries.get(id);
    if (recovery === undefined) throw new Error(`there is no recovery ${id}`);
    const { webhook, accountId, position } = recovery;
    const { status, events: wanted } = newestOf(webhook);
    const isOver = recovery.isDone || status === 'disabled' || status === 'deleted';
    const looked = isOver ? [] : eventsBetween(accountId, position, firstIdAt(recovery.until));
    const page = looked.slice(0, limit);
    const missed = page.filter(({ type, isTest, deliveries }) => {
      if (isTest || !wanted.some((subscription) => covers(subscription, type))) return false;
      const mine = deliveries.get(webhook.ref.webhookId) ?? [];
      return !mine.some((one) => one.status === 'pending' || one.status === 'delivered');
    });
    const mine = made.filter(
      (one) =>
        one.webhookId === webhook.ref.webhookId &&
        one.trigger === 'manual' &&
        !model.redeliveries.has(one.id) &&
        page.some((event) => event.id === one.event.id),
    );
    trace.check(
      mine.map(({ event }) => event.id).join() === missed.map((event) => event.id).join(),
      () => `${id} brings back ${mine.length} of ${missed.length} from ${position}`,
    );
    trace.check(value.made === missed.length, () => `${id} says ${value.made}`);
    for (const delivery of mine) pending.add(delivery);
    const last = page.at(-1);
    if (last !== undefined) recovery.position = bare(last.id);
    recovery.isDone = isOver || page.length < limit;
    trace.check(value.isDone === recovery.isDone, () => `${id} is done: ${value.isDone}`);
  }

  function eventsBetween(accountId: string, after: string, below: string) {
    return [...model.events.values()]
      .filter((event) => event.accountId === accountId)
      .filter(({ id }) => bare(id) > after && bare(id) < below)
      .sort((a, b) => (bare(a.id) < bare(b.id) ? -1 : 1));
  }
}

function bare(id: string): string {
  return id.slice(id.lastIndexOf('_') + 1);
}
