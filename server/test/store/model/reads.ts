import type { Delivery } from '../../../src/core/model.ts';
import type {
  DeliveryFilter,
  DueRequest,
  EventFilter,
  PageRequest,
} from '../../../src/core/ports.ts';
import { shardOf } from '../../../src/core/shards.ts';
import {
  type Answers,
  bare,
  deliveryOf,
  dueOf,
  type KeptDelivery,
  newestFirst,
  pendingOf,
  rowOf,
  type State,
  seqOf,
} from './state.ts';

type Operations =
  | 'getEvent'
  | 'listEvents'
  | 'getDelivery'
  | 'listDeliveries'
  | 'deliveryStats'
  | 'webhooksWithPending'
  | 'countPending'
  | 'due'
  | 'sendTimes';

export function readAnswers(state: State): Answers<Operations> {
  return {
    getEvent(_, accountId, id) {
      const found = state.events.get(id);
      return found?.accountId === accountId ? found : null;
    },

    listEvents: (_, accountId, filter, page) =>
      filtered(
        [...state.events.values()].filter((one) => isWithin(one, accountId, filter)),
        page,
        ({ type }) => filter.type === undefined || type === filter.type,
      ),

    getDelivery(_, accountId, id) {
      const found = deliveryOf(state, accountId, id);
      return found === undefined ? null : { delivery: shown(found), attempts: [...found.attempts] };
    },

    listDeliveries(_, accountId, filter, page) {
      const { items, ...rest } = filtered(
        [...state.deliveries.values()].filter(
          (one) => isWithin(one, accountId, filter) && isOfItsIndex(one, filter),
        ),
        page,
        (one) => passes(one, filter),
      );
      return { items: items.map(shown), ...rest };
    },

    deliveryStats(_, { accountId, webhookId }, since) {
      const all = deliveriesOf(accountId, webhookId).filter(({ createdAt }) => createdAt >= since);
      const count = (wanted: string) => all.filter(({ status }) => status === wanted).length;
      const pending = pendingOf(state, { accountId, webhookId });
      const times = all.map(({ attempts }) => attempts.at(-1)?.responseTimeMs ?? null);
      return {
        ...{ counted: all.length, complete: true, delivered: count('delivered') },
        ...{ failed: count('failed'), cancelled: count('cancelled') },
        ...{ pending: pending.length, pendingComplete: true },
        nextDueAt: earliest(pending.map(({ dueAt }) => dueAt ?? 0)),
        responseTimesMs: times.filter((ms) => ms !== null).sort((a, b) => a - b),
      };
    },

    webhooksWithPending(_, { after, limit, shards }) {
      const all = newestFirst(state.webhooks.values())
        .reverse()
        .map(({ accountId, id }) => ({ accountId, webhookId: id }))
        .sort((a, b) => (a.accountId < b.accountId ? -1 : a.accountId > b.accountId ? 1 : 0))
        .filter(({ accountId, webhookId }) => {
          if (after === null || accountId > after.accountId) return true;
          return accountId === after.accountId && webhookId > after.webhookId;
        });
      const page = all.slice(0, limit);
      return {
        items: page.flatMap((ref) => {
          const pending = pendingOf(state, ref);
          const isElsewhere = shards !== undefined && !shards.includes(shardOf(ref.webhookId));
          if (pending.length === 0 || isElsewhere) return [];
          const isFresh = pending.some(({ attemptCount }) => attemptCount === 0);
          const dueAt = isFresh ? 0 : Math.min(...pending.map((one) => one.dueAt ?? 0));
          return [{ ...ref, dueAt, count: pending.length }];
        }),
        next: (page.length === limit && page.at(-1)) || null,
      };
    },

    countPending: (_, webhook, max) => Math.min(pendingOf(state, webhook).length, max),

    due(_, request) {
      const pending = pendingOf(state, request);
      const wanted = pending.filter((one) => !request.except.includes(seqOf(one)));
      return request.ordering === 'strict'
        ? { ...pageOf(wanted, request), nextDueAt: null }
        : dueByNow(pending, wanted, request);
    },

    sendTimes(_, { accountId, webhookId, since, limit }) {
      const all = deliveriesOf(accountId, webhookId)
        .filter(({ trigger }) => trigger !== 'test')
        .flatMap(({ attempts }) => attempts.map(({ startedAt }) => startedAt));
      const times = all.filter((startedAt) => startedAt >= since).sort((a, b) => a - b);
      return times.slice(-limit);
    },
  };

  /** The webhook's hold keeps it back beyond its due time. */
  function shown(found: KeptDelivery): Delivery {
    const row = rowOf(found);
    const heldUntil = state.webhooks.get(row.webhookId)?.heldUntil ?? 0;
    return { ...row, dueAt: row.dueAt === null ? null : Math.max(row.dueAt, heldUntil) };
  }

  function deliveriesOf(accountId: string, webhookId: string): KeptDelivery[] {
    return [...state.deliveries.values()].filter(
      (one) => one.accountId === accountId && one.webhookId === webhookId,
    );
  }

  /** What was never tried and what is to be tried again have one turn after the other. */
  function dueByNow(
    pending: readonly KeptDelivery[],
    wanted: readonly KeptDelivery[],
    request: DueRequest,
  ) {
    const { dueBefore } = request;
    const isDue = ({ dueAt }: KeptDelivery) => (dueAt ?? 0) <= dueBefore;
    const fresh = wanted.filter(({ attemptCount }) => attemptCount === 0);
    const again = wanted
      .filter((one) => one.attemptCount > 0 && isDue(one))
      .sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0));
    const turns = [...fresh, ...again].map((_, turn) => [
      ...fresh.slice(turn, turn + 1),
      ...again.slice(turn, turn + 1),
    ]);
    const { deliveries, more } = pageOf(turns.flat(), request);
    const later = pending.filter((one) => one.attemptCount > 0 && !isDue(one));
    return {
      deliveries: [
        ...deliveries.filter(({ attemptCount }) => attemptCount === 0),
        ...deliveries.filter(({ attemptCount }) => attemptCount > 0),
      ],
      more,
      nextDueAt: earliest(later.map(({ dueAt }) => dueAt ?? 0)),
    };
  }

  /** A body counts once, and one that is begun is taken as a whole. */
  function pageOf(all: readonly KeptDelivery[], { limit, bytesMax }: DueRequest) {
    const taken: KeptDelivery[] = [];
    const bodies = new Map<string, number>();
    for (const one of all) {
      const bytes = [...bodies.values()].reduce((sum, length) => sum + length, 0);
      if (taken.length === limit || bytes >= bytesMax) break;
      taken.push(one);
      bodies.set(one.eventId, state.events.get(one.eventId)?.body.length ?? 0);
    }
    return {
      deliveries: taken.map((one) => dueOf(state, one)),
      more: taken.length < all.length,
    };
  }
}

/** Newest first; `end` is the last that was looked at, whether it passed or not. */
function filtered<Item extends { id: string }>(
  all: readonly Item[],
  { limit, after }: PageRequest,
  passes: (item: Item) => boolean,
) {
  const items: Item[] = [];
  let end: string | null = null;
  for (const item of newestFirst(all)) {
    if (after !== undefined && bare(item.id) >= bare(after)) continue;
    if (items.length === limit) return { items, hasMore: true, end };
    end = item.id;
    if (passes(item)) items.push(item);
  }
  return { items, hasMore: false, end };
}

function isWithin(
  item: { accountId: string; createdAt: number },
  accountId: string,
  { createdAfter, createdBefore }: EventFilter,
): boolean {
  return (
    item.accountId === accountId &&
    (createdAfter === undefined || item.createdAt >= createdAfter) &&
    (createdBefore === undefined || item.createdAt < createdBefore)
  );
}

/** The narrowest of these is looked at alone, and `end` is among it. */
function isOfItsIndex(one: KeptDelivery, { webhookId, eventId }: DeliveryFilter): boolean {
  if (eventId !== undefined) return one.eventId === eventId;
  return webhookId === undefined || one.webhookId === webhookId;
}

function passes(one: KeptDelivery, { status, type, webhookId, eventId }: DeliveryFilter): boolean {
  return (
    (status === undefined || one.status === status) &&
    (type === undefined || one.eventType === type) &&
    (webhookId === undefined || one.webhookId === webhookId) &&
    (eventId === undefined || one.eventId === eventId)
  );
}

function earliest(moments: readonly number[]): number | null {
  return moments.length === 0 ? null : Math.min(...moments);
}
