import type { SQLOutputValue } from 'node:sqlite';

export type Row = Record<string, SQLOutputValue>;

/** The tables are strict, so a column's type is what the migration says. */
export const text = (row: Row, column: string) => row[column] as string;
export const textOrNull = (row: Row, column: string) => row[column] as string | null;
export const integer = (row: Row, column: string) => row[column] as number;
export const integerOrNull = (row: Row, column: string) => row[column] as number | null;

/** A page out of rows that were read with a limit of one more than asked for. */
export function pageOf<Item>(
  rows: readonly Row[],
  limit: number,
  item: (row: Row) => Item,
): { items: Item[]; hasMore: boolean } {
  return { items: rows.slice(0, limit).map(item), hasMore: rows.length > limit };
}

/** Sorts behind every id, for the first page of a list that is newest first. */
export const AFTER_ALL_IDS = '~';
