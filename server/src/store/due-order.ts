import type { DueDelivery, DueRequest, PendingWebhook, WebhookRef } from '../core/ports.ts';
import { shardOf } from '../core/shards.ts';
import { accountId, webhookId } from './ids.ts';
import { integer, type Row, text } from './rows.ts';

/** What is in memory is pending in the store as well, and as old as anything: it is read past. */
export function rowsMax({ except, limit }: DueRequest): number {
  return except.length + limit + 1;
}

/** Without what is in memory already. */
export function wanted(rows: readonly Row[], { except }: DueRequest): number[] {
  const seqs = rows.map((row) => integer(row, 'seq'));
  if (except.length === 0) return seqs;
  const inMemory = new Set(except);
  return seqs.filter((seq) => !inMemory.has(seq));
}

/** One of each in turn; what one leaves of the turns the other takes. */
export function inTurns(first: readonly number[], second: readonly number[]): number[] {
  const turns = Math.max(first.length, second.length);
  return Array.from({ length: turns }, (_, turn) => [
    ...first.slice(turn, turn + 1),
    ...second.slice(turn, turn + 1),
  ]).flat();
}

/** What was never tried before what is to be tried again, each in its order. */
export function freshFirst(deliveries: readonly DueDelivery[]): DueDelivery[] {
  return [
    ...deliveries.filter(({ attemptCount }) => attemptCount === 0),
    ...deliveries.filter(({ attemptCount }) => attemptCount > 0),
  ];
}

/** A page of webhooks, of which those are answered that have something pending, in these shards. */
export function pendingPage(
  rows: readonly Row[],
  {
    limit,
    shards,
    pendingWebhook,
  }: {
    limit: number;
    shards: readonly number[] | undefined;
    pendingWebhook: (row: Row) => PendingWebhook;
  },
): { items: PendingWebhook[]; next: WebhookRef | null } {
  const last = rows.length === limit ? rows.at(-1) : undefined;
  const isWanted = ({ count, webhookId }: PendingWebhook) =>
    count > 0 && (shards === undefined || shards.includes(shardOf(webhookId)));
  return {
    items: rows.map(pendingWebhook).filter(isWanted),
    next: last === undefined ? null : webhookRef(last),
  };
}

export function webhookRef(row: Row): WebhookRef {
  return { accountId: accountId(text(row, 'account_id')), webhookId: webhookId(text(row, 'id')) };
}
