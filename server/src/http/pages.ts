import type { FastifyRequest } from 'fastify';
import { PosthornError } from '../core/errors.ts';
import type { Cursors, Page, PageRequest } from '../core/ports.ts';

interface PageQuery {
  limit: number;
  cursor?: string;
}

/** Reads `limit` and `cursor`, and writes a page as the API answers it. */
export interface Pages {
  request(request: FastifyRequest): PageRequest;
  /** `position` is what the next page begins behind. */
  answer<Item extends { id: string }>(
    request: FastifyRequest,
    page: Page<Item> & { end?: string | null },
    present: (item: Item) => unknown,
  ): PageAnswer;
  answer<Item>(
    request: FastifyRequest,
    page: Page<Item>,
    present: (item: Item) => unknown,
    position: (item: Item) => string,
  ): PageAnswer;
}

interface PageAnswer {
  data: unknown[];
  has_more: boolean;
  next_cursor: string | null;
}

export function createPages(cursors: Cursors): Pages {
  return {
    request(request) {
      const { limit, cursor } = request.query as PageQuery;
      if (cursor === undefined) return { limit };
      const after = cursors.read(cursor, listOf(request));
      if (after === null) {
        const detail = 'This cursor does not belong to this list: start again without it.';
        throw new PosthornError('invalid_query', detail, {
          faults: [{ pointer: 'cursor', code: 'invalid_cursor', detail }],
        });
      }
      return { limit, after };
    },
    answer<Item>(
      request: FastifyRequest,
      { items, hasMore, end }: Page<Item> & { end?: string | null },
      present: (item: Item) => unknown,
      position: (item: Item) => string = (item) => (item as { id: string }).id,
    ) {
      const last = items.at(-1);
      const next = end ?? (last === undefined ? null : position(last));
      const goesOn = hasMore && next !== null;
      return {
        data: items.map(present),
        has_more: goesOn,
        next_cursor: goesOn ? cursors.write(next, listOf(request)) : null,
      };
    },
  };
}

/** The account and the path, with its ids and filters: a cursor of one list is no good in another. */
function listOf(request: FastifyRequest): string {
  const { limit: _, cursor: __, ...filters } = request.query as PageQuery;
  const path = request.url.split('?')[0];
  return JSON.stringify([request.accountId, path, Object.entries(filters).sort()]);
}
