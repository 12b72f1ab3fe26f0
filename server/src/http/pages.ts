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
  answer<Item>(
    request: FastifyRequest,
    page: Page<Item>,
    as: { item: (item: Item) => unknown; position: (item: Item) => string },
  ): { data: unknown[]; has_more: boolean; next_cursor: string | null };
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
    answer(request, { items, hasMore }, { item, position }) {
      const last = items.at(-1);
      const goesOn = hasMore && last !== undefined;
      return {
        data: items.map(item),
        has_more: hasMore,
        next_cursor: goesOn ? cursors.write(position(last), listOf(request)) : null,
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
