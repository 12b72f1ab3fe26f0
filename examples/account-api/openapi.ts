import type { FastifySchema, RouteOptions } from 'fastify';
import { EVENTS } from './events.ts';
import { PROBLEM_TYPE } from './problems.ts';
import type { Api } from './routes/context.ts';
import { Problem } from './schemas.ts';

type Json = Readonly<Record<string, unknown>>;

/** Hears of every route that is added from now on; those that have an operation are documented. */
export function collectRoutes(api: Api): readonly RouteOptions[] {
  const routes: RouteOptions[] = [];
  api.addHook('onRoute', (route) => {
    if (route.config?.operation !== undefined) routes.push(route);
  });
  return routes;
}

/** The API as OpenAPI 3.1, made of the schemas that requests are checked with. */
export function openApiDocument(routes: readonly RouteOptions[]) {
  const byPath = Map.groupBy(routes, ({ url }) => url.replace(/:(\w+)/g, '{$1}'));
  return {
    openapi: '3.1.1',
    info: {
      title: 'Account API',
      summary: 'Users, projects, teams and memberships; each change is announced by a webhook.',
      version: '1',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The server that this document came from.' }],
    security: [],
    paths: Object.fromEntries(
      [...byPath].map(([path, methods]) => [
        path,
        Object.fromEntries(
          methods.map((route) => [String(route.method).toLowerCase(), operation(route)]),
        ),
      ]),
    ),
    webhooks: Object.fromEntries(Object.keys(EVENTS).map((type) => [type, webhook(type as Type)])),
    components: {
      responses: {
        Problem: {
          description: 'Why it was not done.',
          content: { [PROBLEM_TYPE]: { schema: Problem } },
        },
      },
    },
  };
}

function operation({ config, schema = {}, method }: RouteOptions): Json {
  const { id, summary } = config?.operation ?? { id: '', summary: '' };
  return {
    operationId: id,
    summary,
    parameters: [...parameters(schema.params, 'path'), ...parameters(schema.querystring, 'query')],
    ...(schema.body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: schema.body } } },
    }),
    responses: { ...answers(schema), ...refusals(schema, String(method)) },
  };
}

function parameters(schema: unknown, place: 'path' | 'query'): Json[] {
  const { properties = {} } = (schema ?? {}) as { properties?: Json };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: place,
    required: place === 'path',
    schema,
  }));
}

function answers({ response }: FastifySchema): Json {
  if (response === undefined) return { '204': { description: 'Done.' } };
  return Object.fromEntries(
    Object.entries(response as Json).map(([status, schema]) => [
      status,
      { description: 'Done.', content: { 'application/json': { schema } } },
    ]),
  );
}

function refusals({ params, querystring, body }: FastifySchema, method: string): Json {
  const takesInput = params !== undefined || querystring !== undefined || body !== undefined;
  const statuses = [
    ...(takesInput ? [400] : []),
    ...(params !== undefined ? [404] : []),
    ...(method !== 'GET' ? [409] : []),
    ...(body !== undefined ? [413, 415] : []),
    500,
    503,
  ];
  const problem = { $ref: '#/components/responses/Problem' };
  return Object.fromEntries(statuses.map((status) => [String(status), problem]));
}

type Type = keyof typeof EVENTS;

/** What a receiver gets from Posthorn. */
function webhook(type: Type): Json {
  const { description, data } = EVENTS[type];
  const time = { type: 'string', format: 'date-time' };
  const schema = {
    type: 'object',
    required: ['id', 'type', 'created_at', 'data'],
    properties: { id: { type: 'string' }, type: { const: type }, created_at: time, data },
  };
  return {
    post: {
      operationId: `on_${type.replaceAll('.', '_')}`,
      summary: `${description}.`,
      requestBody: { required: true, content: { 'application/json': { schema } } },
      responses: {
        '2XX': { description: 'Received.' },
        '4XX': { description: 'Refused, for its signature for example.' },
      },
    },
  };
}
