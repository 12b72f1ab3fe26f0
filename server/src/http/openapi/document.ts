import { ID_PREFIXES } from '../../core/ids.ts';
import { NoBody } from '../schemas.ts';
import { namedSchemas, schemaOf } from './components.ts';
import { HEADERS, headersOf, IDEMPOTENCY_KEY } from './headers.ts';
import { type Answer, OPERATIONS, type Operation, TAGS } from './operations.ts';
import { problemName, problemResponse, problemsOf } from './problems.ts';
import { declaredRoutes, type Route } from './routes.ts';
import { webhookParameters, webhookRequests } from './webhooks.ts';

const QUERY: Readonly<Record<string, string>> = {
  limit: 'Items of a page.',
  cursor: 'The `next_cursor` of the page before; everything else has to be the same.',
  type: 'Only of this event type.',
  status: 'Only with this status.',
  webhook_id: 'Only of this webhook.',
  event_id: 'Only of this event.',
  created_after: 'Only from this time on.',
  created_before: 'Only from before this time.',
};

const PATH: Readonly<Record<string, string>> = {
  id: `An id; it begins with its kind, such as \`${ID_PREFIXES.webhook}\`.`,
  name: 'The name of an event type.',
};

export interface OpenApi {
  readonly openapi: string;
  readonly info: object;
  readonly servers: readonly object[];
  readonly tags: readonly object[];
  readonly security: readonly object[];
  readonly paths: Readonly<Record<string, object>>;
  readonly webhooks: Readonly<Record<string, object>>;
  readonly components: Readonly<Record<string, object>>;
}

/** The document as it is served, and stands in `spec/openapi.json`. */
export function openApiText(): string {
  return `${JSON.stringify(openApiDocument(), null, 2)}\n`;
}

/**
 * The API as an OpenAPI 3.1 document. Parameters and bodies are the schemas that the routes check
 * requests with; the rest is in `operations.ts`. `spec/openapi.json` is a copy that a test compares.
 */
export function openApiDocument(): OpenApi {
  const routes = declaredRoutes().flatMap((route) => {
    const operation = OPERATIONS[`${route.method} ${route.url}`];
    return operation === undefined ? [] : [{ route, operation }];
  });
  return {
    openapi: '3.1.1',
    info: {
      title: 'Posthorn',
      summary: 'A webhooks server: durable, signed, isolated delivery of events.',
      version: '1',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The server that this document came from.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    security: [{ apiKey: [] }],
    paths: paths(routes),
    webhooks: webhookRequests(),
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'An API key: `phk_…`.' },
      },
      schemas: namedSchemas(),
      headers: HEADERS,
      parameters: webhookParameters(),
      responses: responses(routes),
    },
  };
}

type Described = { route: Route; operation: Operation };

function paths(routes: readonly Described[]): Record<string, object> {
  const byPath = Map.groupBy(routes, ({ route }) => route.url.replace(/:(\w+)/g, '{$1}'));
  return Object.fromEntries(
    [...byPath].map(([path, methods]) => [
      path,
      Object.fromEntries(
        methods.map((each) => [each.route.method.toLowerCase(), operationOf(each)]),
      ),
    ]),
  );
}

function operationOf({ route, operation }: Described): object {
  const parameters = parametersOf(route);
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    ...(operation.tag === 'System' && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...requestBody({ route, operation }),
    responses: {
      ...Object.fromEntries(
        Object.entries(operation.answers).map(([status, answer]) => [
          status,
          response(answer, route),
        ]),
      ),
      ...Object.fromEntries(
        [...problemsOf(operation, route)].map(([status, codes]) => [
          status,
          { $ref: `#/components/responses/${problemName(codes)}` },
        ]),
      ),
    },
  };
}

function parametersOf({ method, schema: { params, querystring } }: Route): object[] {
  return [
    ...Object.entries(params?.properties ?? {}).map(([name, schema]) => {
      return { name, in: 'path', required: true, description: PATH[name], schema };
    }),
    ...Object.entries(querystring?.properties ?? {}).map(([name, schema]) => {
      return { name, in: 'query', description: QUERY[name], schema };
    }),
    ...(method === 'POST' ? [IDEMPOTENCY_KEY] : []),
  ];
}

function requestBody({ route, operation }: Described): object {
  const { body } = route.schema;
  if (body === undefined || body === NoBody) return {};
  const content = { schema: schemaOf(body), example: operation.body };
  // One that has a default need not be there.
  const required = body.default === undefined;
  return { requestBody: { required, content: { 'application/json': content } } };
}

function response(
  { description, schema, example, mediaType = 'application/json' }: Answer,
  { method }: Route,
): object {
  const headers = headersOf([
    'X-Request-Id',
    ...(method === 'POST' ? (['Idempotent-Replayed'] as const) : []),
  ]);
  if (schema === undefined) return { description, headers };
  const content = { schema: schemaOf(schema), ...(example !== undefined && { example }) };
  return { description, headers, content: { [mediaType]: content } };
}

function responses(routes: readonly Described[]): object {
  const all = routes.flatMap(({ route, operation }) => [...problemsOf(operation, route)]);
  return Object.fromEntries(
    all
      .map(([status, codes]) => [problemName(codes), problemResponse(status, codes)] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}
