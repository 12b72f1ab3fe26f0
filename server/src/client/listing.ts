/** One page of a list, as the API answers it. */
export interface Page<Item> {
  data: Item[];
  has_more: boolean;
  next_cursor: string | null;
}

/** A list, read as far as it is iterated over: each page when its first item is asked for. */
export interface Listing<Item> extends AsyncIterable<Item> {
  /** The same a page at a time, with the cursor to go on from later. */
  pages(): AsyncIterable<Page<Item>>;
}

/** `read` reads the page behind a cursor; the first page, or the caller's own start, without one. */
export function createListing<Item>(
  read: (cursor: string | undefined) => Promise<Page<Item>>,
): Listing<Item> {
  async function* pages(): AsyncGenerator<Page<Item>> {
    let cursor: string | undefined;
    do {
      const page = await read(cursor);
      yield page;
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }

  async function* items(): AsyncGenerator<Item> {
    for await (const page of pages()) yield* page.data;
  }

  return { pages, [Symbol.asyncIterator]: items };
}
