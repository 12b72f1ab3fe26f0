import { standardSpelling } from '@posthorn/receiver';
import type { TestOutcome } from '../../core/ports.ts';
import { presentDelivery, presentFailure, presentWebhook } from '../present.ts';
import {
  ByIdParams,
  NewWebhookBody,
  NoBody,
  NoQuery,
  PageQuery,
  WebhookPatchBody,
} from '../schemas.ts';
import { type Api, expectId, type RouteContext } from './context.ts';

export function webhookRoutes(api: Api, { service, pages }: RouteContext): void {
  const { webhooks, deliveries } = service;

  api.post(
    '/webhooks',
    { schema: { body: NewWebhookBody, querystring: NoQuery } },
    async (request, reply) => {
      const { webhook, generatedSecret } = await webhooks.create(request.accountId, request.body);
      reply.code(201);
      if (generatedSecret === null) return presentWebhook(webhook);
      return {
        ...presentWebhook(webhook),
        secret: generatedSecret,
        standard_secret: standardSpelling(generatedSecret),
      };
    },
  );

  api.get('/webhooks', { schema: { querystring: PageQuery } }, async (request) => {
    const page = await webhooks.list(request.accountId, pages.request(request));
    return pages.answer(request, page, { item: presentWebhook, position: ({ id }) => id });
  });

  api.get(
    '/webhooks/:id',
    { schema: { params: ByIdParams, querystring: NoQuery } },
    async (request) =>
      presentWebhook(await webhooks.get(request.accountId, webhookId(request.params))),
  );

  api.patch(
    '/webhooks/:id',
    { schema: { params: ByIdParams, body: WebhookPatchBody, querystring: NoQuery } },
    async (request) => {
      const id = webhookId(request.params);
      return presentWebhook(await webhooks.update(request.accountId, id, request.body));
    },
  );

  api.delete(
    '/webhooks/:id',
    { schema: { params: ByIdParams, querystring: NoQuery } },
    async (request, reply) => {
      await webhooks.delete(request.accountId, webhookId(request.params));
      return reply.code(204).send();
    },
  );

  api.post(
    '/webhooks/:id/test',
    { schema: { params: ByIdParams, body: NoBody, querystring: NoQuery } },
    async (request) =>
      presentTest(await webhooks.test(request.accountId, webhookId(request.params))),
  );

  api.get(
    '/webhooks/:id/deliveries',
    { schema: { params: ByIdParams, querystring: PageQuery } },
    async (request) => {
      const id = webhookId(request.params);
      const page = await deliveries.listOfWebhook(request.accountId, id, pages.request(request));
      return pages.answer(request, page, { item: presentDelivery, position: ({ id }) => id });
    },
  );
}

function webhookId({ id }: { id: string }): string {
  return expectId('webhook', id);
}

function presentTest({ eventId, status, attempt }: TestOutcome & { eventId: string }) {
  return {
    id: eventId,
    status,
    response_code: attempt.responseCode,
    response_body: attempt.responseBody,
    response_time_ms: attempt.responseTimeMs,
    error: presentFailure(attempt),
  };
}
