import type { Static } from 'typebox';
import { presentEventType } from '../present.ts';
import { ByNameParams, type DataSchema, EventTypeBody, NoQuery, PageQuery } from '../schemas.ts';
import type { Api, RouteContext } from './context.ts';

export function eventTypeRoutes(api: Api, { service, pages }: RouteContext): void {
  const { catalogue } = service;
  const byName = { params: ByNameParams, querystring: NoQuery };

  api.get('/event-types', { schema: { querystring: PageQuery } }, async (request) => {
    const page = await catalogue.list(pages.request(request));
    return pages.answer(request, page, presentEventType, ({ name }) => name);
  });

  api.get('/event-types/:name', { schema: byName }, async (request) => {
    return presentEventType(await catalogue.get(request.params.name));
  });

  api.put(
    '/event-types/:name',
    { schema: { ...byName, body: EventTypeBody } },
    async (request, reply) => {
      const { description, schema, example } = request.body;
      const type = {
        name: request.params.name,
        description,
        schema: jsonOrNull(schema),
        example: jsonOrNull(example),
      };
      if ((await catalogue.put(type)) === 'created') reply.code(201);
      return presentEventType(type);
    },
  );

  api.delete('/event-types/:name', { schema: byName }, async (request, reply) => {
    await catalogue.delete(request.params.name);
    return reply.code(204).send();
  });
}

function jsonOrNull(value: Static<typeof DataSchema> = null): string | null {
  return value === null ? null : JSON.stringify(value);
}
