import { ByNameParams, EventTypeBody, NoQuery, PageQuery } from '../schemas.ts';
import type { Api, RouteContext } from './context.ts';

export function eventTypeRoutes(api: Api, { service, pages }: RouteContext): void {
  const { catalogue } = service;

  api.get('/event-types', { schema: { querystring: PageQuery } }, async (request) => {
    const page = await catalogue.list(pages.request(request));
    return pages.answer(
      request,
      page,
      ({ name, description }) => ({ name, description }),
      ({ name }) => name,
    );
  });

  api.put(
    '/event-types/:name',
    { schema: { params: ByNameParams, body: EventTypeBody, querystring: NoQuery } },
    async (request, reply) => {
      const { name } = request.params;
      const { description } = request.body;
      const type = { name, description, schema: null, example: null };
      if ((await catalogue.put(type)) === 'created') reply.code(201);
      return { name, description };
    },
  );

  api.delete(
    '/event-types/:name',
    { schema: { params: ByNameParams, querystring: NoQuery } },
    async (request, reply) => {
      await catalogue.delete(request.params.name);
      return reply.code(204).send();
    },
  );
}
