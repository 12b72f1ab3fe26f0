import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { DueDelivery, DueEvent, DueRequest } from '../../core/ports.ts';
import { dueDelivery, dueEvent } from './delivery-rows.ts';
import { accountId, bare, webhookId } from './ids.ts';
import type { Operations } from './operation-types.ts';
import { integer, integerOrNull, type Row, text } from './rows.ts';

/**
 * The engine's questions. `status = 'pending'` and the comparison of `attempt_count` stand as literals:
 * the partial indexes need them (0002-engine.sql says which there are).
 */
export function dueOperations(
  db: DatabaseSync,
): Pick<Operations, 'webhooksWithPending' | 'due' | 'cancelPending'> {
  const ofWebhook = (which: string) =>
    `d.account_id = w.account_id and d.webhook_id = w.id and d.status = 'pending' and d.attempt_count ${which}`;
  const withPending = (counts: boolean) =>
    db.prepare(`
      select w.account_id, w.id,
        exists (select 1 from deliveries d where ${ofWebhook('= 0')}) as has_fresh,
        (select min(d.due_at) from deliveries d where ${ofWebhook('> 0')}) as due_at,
        ${
          counts
            ? `(select count(*) from deliveries d where ${ofWebhook('= 0')})
                + (select count(*) from deliveries d where ${ofWebhook('> 0')})`
            : '0'
        } as count
      from webhooks w
      where (w.account_id, w.id) > (?, ?)
      order by w.account_id, w.id
      limit ?
    `);
  const pendingCounted = withPending(true);
  const pendingOnly = withPending(false);
  const fresh = db.prepare(`
    select seq
    from deliveries
    where account_id = ? and webhook_id = ? and status = 'pending' and attempt_count = 0
    order by seq
    limit ?
  `);
  const dueRetries = db.prepare(`
    select seq
    from deliveries
    where account_id = ? and webhook_id = ? and status = 'pending' and attempt_count > 0
      and due_at <= ?
    order by due_at, seq
    limit ?
  `);
  const retriesBySeq = db.prepare(`
    select seq
    from deliveries
    where account_id = ? and webhook_id = ? and status = 'pending' and attempt_count > 0
    order by seq
    limit ?
  `);
  const nextRetry = db.prepare(`
    select min(due_at) as due_at
    from deliveries
    where account_id = ? and webhook_id = ? and status = 'pending' and attempt_count > 0
      and due_at > ?
  `);
  const bySeq = db.prepare(`
    select d.seq, d.account_id, d.id, d.webhook_id, d.event_id, d.test, d.event_type, d."trigger",
      d.attempt_count, d.due_at, e.body
    from deliveries d
    join events e on e.account_id = d.account_id and e.id = d.event_id
    where d.seq = ? and d.account_id = ?
  `);
  const cancelThose = (which: string) =>
    db.prepare(`
      update deliveries
      set status = 'cancelled', due_at = null, cancel_reason = ?
      where seq in (
        select seq
        from deliveries
        where account_id = ? and webhook_id = ? and status = 'pending' and attempt_count ${which}
        limit ?
      )
    `);
  const cancelFresh = cancelThose('= 0');
  const cancelRetries = cancelThose('> 0');

  return {
    webhooksWithPending({ after, limit, counts }) {
      const from = after ?? { accountId: '', webhookId: '' };
      const statement = counts ? pendingCounted : pendingOnly;
      const rows = statement.all(bare(from.accountId), bare(from.webhookId), limit);
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return {
        items: rows
          .filter((row) => row.has_fresh === 1 || row.due_at !== null)
          .map((row) => ({
            ...ref(row),
            dueAt: row.has_fresh === 1 ? 0 : integer(row, 'due_at'),
            count: integer(row, 'count'),
          })),
        next: last === undefined ? null : ref(last),
      };
    },

    due(request) {
      const { wanted, more } = wantedSeqs(request);
      const { deliveries, isCut } = read(wanted, request);
      return {
        deliveries,
        more: more || isCut,
        nextDueAt: request.ordering === 'strict' ? null : nextDue(request),
      };
    },

    cancelPending(webhook, reason, limit) {
      const key = [bare(webhook.accountId), bare(webhook.webhookId)] as const;
      const cancelled = Number(cancelFresh.run(reason, ...key, limit).changes);
      if (cancelled === limit) return cancelled;
      return cancelled + Number(cancelRetries.run(reason, ...key, limit - cancelled).changes);
    },
  };

  /** In the order in which they are to be sent, without those that are in memory. */
  function wantedSeqs(request: DueRequest): { wanted: number[]; more: boolean } {
    const { ordering, dueBefore, limit } = request;
    const known = new Set(request.except);
    const key = [bare(request.accountId), bare(request.webhookId)] as const;
    // What is in memory is pending in the store as well, and as old as anything: read past it.
    const count = known.size + limit + 1;
    const seqs = (statement: StatementSync, ...args: number[]) =>
      statement
        .all(...key, ...args, count)
        .map((row) => integer(row, 'seq'))
        .filter((seq) => !known.has(seq));
    const neverTried = seqs(fresh);
    if (ordering === 'strict') {
      const all = [...neverTried, ...seqs(retriesBySeq)].sort((a, b) => a - b);
      return { wanted: all.slice(0, limit), more: all.length > limit };
    }
    // Half of the page each, and what one of them leaves the other takes.
    const retries = seqs(dueRetries, dueBefore);
    const half = Math.ceil(limit / 2);
    const freshTaken = Math.min(neverTried.length, Math.max(half, limit - retries.length));
    const wanted = [...retries.slice(0, limit - freshTaken), ...neverTried.slice(0, freshTaken)];
    return { wanted, more: neverTried.length + retries.length > wanted.length };
  }

  /** Deliveries of the same event share it. */
  function read(
    wanted: readonly number[],
    { accountId, bytesMax }: DueRequest,
  ): { deliveries: DueDelivery[]; isCut: boolean } {
    const account = bare(accountId);
    const events = new Map<string, DueEvent>();
    const deliveries: DueDelivery[] = [];
    let bytes = 0;
    for (const seq of wanted) {
      if (bytes >= bytesMax) return { deliveries, isCut: true };
      const row = bySeq.get(seq, account);
      if (row === undefined) continue;
      const event = events.get(text(row, 'event_id')) ?? dueEvent(row);
      events.set(text(row, 'event_id'), event);
      bytes += event.body.length;
      deliveries.push(dueDelivery(row, event));
    }
    return { deliveries, isCut: false };
  }

  function nextDue({ accountId, webhookId, dueBefore }: DueRequest): number | null {
    const row = nextRetry.get(bare(accountId), bare(webhookId), dueBefore);
    return row === undefined ? null : integerOrNull(row, 'due_at');
  }
}

function ref(row: Row) {
  return { accountId: accountId(text(row, 'account_id')), webhookId: webhookId(text(row, 'id')) };
}
