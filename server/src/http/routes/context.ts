import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import { PosthornError } from '../../core/errors.ts';
import { type IdKind, isIdOf } from '../../core/ids.ts';
import type { Service } from '../../service/service.ts';
import type { Pages } from '../pages.ts';

export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface RouteContext {
  service: Service;
  pages: Pages;
}

/** An id in a path; one that cannot be of that kind is answered like an unknown one. */
export function expectId(kind: IdKind, id: string): string {
  if (isIdOf(kind, id)) return id;
  throw new PosthornError(
    'not_found',
    `This is not the id of anything here: ${kind} ids look different.`,
  );
}
