/** As the database's client answers it; a column's type is what the migration says. */
export type Row = Readonly<Record<string, unknown>>;

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

/** Ids without their prefix: from one on, and below another. */
export interface IdRange {
  from: string;
  below: string;
}

/** Rows that one call looks at: a filter that lets few through must not hold up the other callers. */
const LOOKED_AT_MAX = 2_000;

/**
 * The next page of a list whose filter no index serves. It may be shorter than `limit` and yet go on:
 * `end` is the id of the last row that was looked at.
 */
export function filteredPage<Item extends { id: string }>(
  rows: Iterable<Row>,
  limit: number,
  of: { item: (row: Row) => Item; passes: (item: Item) => boolean },
): { items: Item[]; hasMore: boolean; end: string | null } {
  const items: Item[] = [];
  let end: string | null = null;
  let lookedAt = 0;
  for (const row of rows) {
    if (items.length === limit || lookedAt === LOOKED_AT_MAX) return { items, hasMore: true, end };
    const item = of.item(row);
    end = item.id;
    lookedAt += 1;
    if (of.passes(item)) items.push(item);
  }
  return { items, hasMore: false, end };
}
