import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { Change } from '../outbox.ts';
import { PAGE_MAX } from '../schemas.ts';
import type { Sql } from '../sql.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How the OpenAPI document calls a route. */
    operation?: { readonly id: string; readonly summary: string };
  }
}

export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface RouteContext {
  readonly sql: Sql;
  readonly change: Change;
}

/** `rows` were read with a limit of `PAGE_MAX + 1`. */
export function page<Row>(rows: readonly Row[], idOf: (row: Row) => string) {
  const data = rows.slice(0, PAGE_MAX);
  const last = data.at(-1);
  return { data, next: rows.length > PAGE_MAX && last !== undefined ? idOf(last) : null };
}
