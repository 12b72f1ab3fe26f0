import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { fastify } from 'fastify';
import { collectRoutes, openApiDocument } from './openapi.ts';
import { createChange, outboxCounts } from './outbox.ts';
import { createErrorHandler, sendProblem } from './problems.ts';
import type { Api } from './routes/context.ts';
import { memberRoutes } from './routes/members.ts';
import { projectRoutes } from './routes/projects.ts';
import { teamRoutes } from './routes/teams.ts';
import { userRoutes } from './routes/users.ts';
import { Health } from './schemas.ts';
import type { Database } from './sql.ts';

const BODY_BYTES_MAX = 16_384;
const REQUEST_TIMEOUT_MS = 30_000;

export interface AppPorts {
  readonly database: Database;
  /** Called after every change: there may be something to send. */
  readonly committed: () => void;
  /** Hears of what an operator should know. */
  readonly report: (message: string) => void;
}

/** The API over HTTP. */
export function createApp({ database, committed, report }: AppPorts): Api {
  const api: Api = fastify({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    // A body is taken as it was sent or refused: nothing in it is removed or made to fit.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    // What the router refuses by itself never reaches the error handler.
    frameworkErrors: (error, _request, reply) =>
      sendProblem(reply, error.statusCode ?? 400, error.message),
  }).withTypeProvider<TypeBoxTypeProvider>();
  api.setErrorHandler(createErrorHandler(report));
  api.setNotFoundHandler((request, reply) =>
    sendProblem(reply, 404, `There is no ${request.method} ${request.url.slice(0, 200)}.`),
  );

  const routes = collectRoutes(api);
  const context = { sql: database, change: createChange(database, committed) };
  userRoutes(api, context);
  projectRoutes(api, context);
  teamRoutes(api, context);
  memberRoutes(api, context);
  api.get(
    '/healthz',
    {
      schema: { response: { 200: Health } },
      config: { operation: { id: 'health', summary: 'Whether it works, and what is unsent.' } },
    },
    async () => ({ status: 'ok' as const, outbox: await outboxCounts(database) }),
  );
  api.get('/openapi.json', () => openApiDocument(routes));
  return api;
}
