import type { Api } from './context.ts';

/** The document as text. */
export type OpenApiPort = () => Promise<string>;

/** What generators and API tools read, without a key: it is the same everywhere. */
export function openApiRoutes(api: Api, { openApi }: { openApi: OpenApiPort }): void {
  api.get('/v1/openapi.json', async (_request, reply) => {
    const text = await openApi();
    return reply.type('application/json; charset=utf-8').serializer(String).send(text);
  });
}
