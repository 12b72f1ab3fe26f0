import type { FilteredPage } from '../../core/ports.ts';
import { bare } from '../ids.ts';
import { filteredPage, type Row, text } from '../rows.ts';

/** Rows that are read at once where a filter may let few of them through. */
const CHUNK_ROWS = 250;

export interface FilteredList<Item> {
  limit: number;
  /** The page begins behind this id. */
  below: string;
  isFiltered: boolean;
  /** So many rows below that id, newest first. */
  read: (below: string, count: number) => Promise<Row[]>;
  item: (row: Row) => Item;
  passes: (item: Item) => boolean;
}

/** Reads what the page needs: no more than it where nothing is filtered, else chunk by chunk. */
export async function readFiltered<Item extends { id: string }>({
  limit,
  below,
  isFiltered,
  read,
  item,
  passes,
}: FilteredList<Item>): Promise<FilteredPage<Item>> {
  const count = isFiltered ? CHUNK_ROWS : limit + 1;
  const rows: Row[] = [];
  let position = below;
  for (;;) {
    const chunk = await read(position, count);
    rows.push(...chunk);
    const page = filteredPage(rows, limit, { item, passes });
    const last = chunk.at(-1);
    if (page.hasMore || chunk.length < count || last === undefined) return page;
    position = bare(text(last, 'id'));
  }
}
