import { ID_PREFIXES } from '../../core/ids.ts';
import { presentAccepted, presentEvent } from '../present.ts';
import { ByIdParams, NewEventBody, NoQuery } from '../schemas.ts';
import { type Api, expectId, type RouteContext } from './context.ts';

export function eventRoutes(api: Api, { service }: RouteContext): void {
  const { events } = service;

  api.post(
    '/events',
    { schema: { body: NewEventBody, querystring: NoQuery } },
    async (request, reply) => {
      const event = await events.publish(request.accountId, request.body);
      reply.code(202);
      return presentAccepted(event);
    },
  );

  api.get(
    '/events/:id',
    { schema: { params: ByIdParams, querystring: NoQuery } },
    async (request) => presentEvent(await events.get(request.accountId, eventId(request.params))),
  );
}

function eventId({ id }: { id: string }): string {
  return expectId(id.startsWith(ID_PREFIXES.testEvent) ? 'testEvent' : 'event', id);
}
