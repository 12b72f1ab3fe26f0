import type { DueRequest } from '../core/ports.ts';
import { integer, type Row } from './rows.ts';

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
