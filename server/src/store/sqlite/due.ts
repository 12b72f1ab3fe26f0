import type { DatabaseSync } from 'node:sqlite';
import type { DueDelivery, DueEvent, DueRequest, DueResult } from '../../core/ports.ts';
import { dueDelivery, dueEvent } from '../delivery-rows.ts';
import { freshFirst, inTurns, pendingPage, rowsMax, wanted, webhookRef } from '../due-order.ts';
import { bare } from '../ids.ts';
import { integer, integerOrNull, type Row, text } from '../rows.ts';
import type { Operations } from './operation-types.ts';

/**
 * What is pending and was never tried, and what is to be tried again, as the partial indexes have
 * them: they are found by these very terms, so these are literals.
 */
export const FRESH = `status = 'pending' and attempt_count = 0`;
export const RETRY = `status = 'pending' and attempt_count > 0`;

/** The engine's questions. */
export function dueOperations(
  db: DatabaseSync,
): Pick<Operations, 'webhooksWithPending' | 'countPending' | 'due'> {
  // Only `deliveries_retry` can count without a look at the rows.
  const withPending = (counted: 'all' | 'one') =>
    db.prepare(`
    select w.account_id, w.id, (
      select count(*)
      from (
        select 1
        from deliveries d
        where d.account_id = w.account_id and d.webhook_id = w.id and ${FRESH}
        ${counted === 'one' ? 'limit 1' : ''}
      )
    ) as fresh, (
      select count(*)
      from (
        select 1
        from deliveries d indexed by deliveries_retry
        where d.account_id = w.account_id and d.webhook_id = w.id and ${RETRY}
        ${counted === 'one' ? 'limit 1' : ''}
      )
    ) as retries, (
      select min(d.due_at)
      from deliveries d
      where d.account_id = w.account_id and d.webhook_id = w.id and ${RETRY}
    ) as retry_at
    from webhooks w
    where (w.account_id, w.id) > (?, ?)
    order by w.account_id, w.id
    limit ?
  `);
  const pendingCounted = withPending('all');
  const pendingFound = withPending('one');
  const countOf = (which: string) =>
    db.prepare(`
    select count(*) as count
    from (
      select 1
      from deliveries
      where account_id = ? and webhook_id = ? and ${which}
      limit ?
    )
  `);
  const countFresh = countOf(FRESH);
  const countRetries = countOf(RETRY);
  const fresh = db.prepare(`
    select seq
    from deliveries
    where account_id = ? and webhook_id = ? and ${FRESH}
    order by seq
    limit ?
  `);
  const retriesDue = db.prepare(`
    select seq
    from deliveries
    where account_id = ? and webhook_id = ? and ${RETRY} and due_at <= ?
    order by due_at, seq
    limit ?
  `);
  const retriesBySeq = db.prepare(`
    select seq
    from deliveries
    where account_id = ? and webhook_id = ? and ${RETRY}
    order by seq
    limit ?
  `);
  const retryNext = db.prepare(`
    select min(due_at) as due_at
    from deliveries
    where account_id = ? and webhook_id = ? and ${RETRY} and due_at > ?
  `);
  const bySeq = db.prepare(`
    select d.seq, d.account_id, d.id, d.webhook_id, d.event_id, d.test, d.event_type, d."trigger",
      d.attempt_count, d.due_at, e.body
    from deliveries d
    join events e on e.account_id = d.account_id and e.id = d.event_id
    where d.seq = ? and d.account_id = ?
  `);

  return {
    webhooksWithPending({ after, limit, counts, shards }) {
      const from = after ?? { accountId: '', webhookId: '' };
      const statement = counts ? pendingCounted : pendingFound;
      const rows = statement.all(bare(from.accountId), bare(from.webhookId), limit);
      return pendingPage(rows, { limit, shards, pendingWebhook });
    },

    countPending({ accountId, webhookId }, max) {
      const key = [bare(accountId), bare(webhookId)] as const;
      const neverTried = integer(countFresh.get(...key, max) ?? {}, 'count');
      if (neverTried === max) return max;
      return neverTried + integer(countRetries.get(...key, max - neverTried) ?? {}, 'count');
    },

    due: (request) => (request.ordering === 'strict' ? dueInOrder(request) : dueByNow(request)),
  };

  /** The oldest, whether it was tried or not. */
  function dueInOrder(request: DueRequest): DueResult {
    const key = [bare(request.accountId), bare(request.webhookId)] as const;
    const neverTried = wanted(fresh.all(...key, rowsMax(request)), request);
    const triedBefore = wanted(retriesBySeq.all(...key, rowsMax(request)), request);
    const all = [...neverTried, ...triedBefore].sort((a, b) => a - b);
    return { ...read(all, request), nextDueAt: null };
  }

  /**
   * Of what was never tried and what is to be tried again each gets one turn after the other, so that
   * neither waits for the end of the other; what one leaves of the page the other takes.
   */
  function dueByNow(request: DueRequest): DueResult {
    const key = [bare(request.accountId), bare(request.webhookId)] as const;
    const { dueBefore } = request;
    const neverTried = wanted(fresh.all(...key, rowsMax(request)), request);
    const again = wanted(retriesDue.all(...key, dueBefore, rowsMax(request)), request);
    const { deliveries, more } = read(inTurns(neverTried, again), request);
    return {
      deliveries: freshFirst(deliveries),
      more,
      nextDueAt: integerOrNull(retryNext.get(...key, dueBefore) ?? {}, 'due_at'),
    };
  }

  /** Reads them in this order, until the page or the bytes are full. */
  function read(
    seqs: readonly number[],
    { accountId, limit, bytesMax }: DueRequest,
  ): Pick<DueResult, 'deliveries' | 'more'> {
    const account = bare(accountId);
    const deliveries: DueDelivery[] = [];
    const events = new Map<string, DueEvent>();
    let bytes = 0;
    for (const seq of seqs) {
      if (deliveries.length === limit || bytes >= bytesMax) break;
      const row = bySeq.get(seq, account);
      if (row === undefined) continue;
      const id = text(row, 'event_id');
      let event = events.get(id);
      if (event === undefined) {
        event = dueEvent(row);
        events.set(id, event);
        bytes += event.body.length;
      }
      deliveries.push(dueDelivery(row, event));
    }
    return { deliveries, more: deliveries.length < seqs.length };
  }
}

function pendingWebhook(row: Row) {
  const fresh = integer(row, 'fresh');
  return {
    ...webhookRef(row),
    dueAt: fresh > 0 ? 0 : (integerOrNull(row, 'retry_at') ?? 0),
    count: fresh + integer(row, 'retries'),
  };
}
