import type { Api } from './context.ts';

export type MetricsPort = () => Promise<{ contentType: string; text: string }>;

/** What the operator's monitoring reads, without a key: there are only counts and times in it. */
export function metricsRoutes(api: Api, { metrics }: { metrics: MetricsPort }): void {
  api.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await metrics();
    return reply.type(contentType).send(text);
  });
}
