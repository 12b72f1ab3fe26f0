import { standardSpelling } from '@posthorn/receiver/sender';
import type { CreatedWebhook, RotatedWebhook, TestResult } from '../../service/webhooks.ts';
import { deliveryFilter } from '../filters.ts';
import { onceOf, sendOutcome } from '../idempotency.ts';
import { presentDelivery, presentFailure, presentStats, presentWebhook } from '../present.ts';
import {
  ByIdParams,
  NewWebhookBody,
  NoBody,
  NoQuery,
  PageQuery,
  RotateBody,
  WebhookDeliveriesQuery,
  WebhookPatchBody,
} from '../schemas.ts';
import { newWebhookOf, webhookPatchOf } from '../webhook-body.ts';
import { type Api, expectId, type RouteContext } from './context.ts';

export function webhookRoutes(api: Api, { service, pages }: RouteContext): void {
  const { webhooks, deliveries } = service;

  api.post(
    '/webhooks',
    { schema: { body: NewWebhookBody, querystring: NoQuery } },
    async (request, reply) => {
      const { accountId, body } = request;
      const once = onceOf(request, created);
      const outcome = await webhooks.create(accountId, newWebhookOf(body), once);
      return sendOutcome(reply, outcome, created);
    },
  );

  api.get('/webhooks', { schema: { querystring: PageQuery } }, async (request) => {
    const page = await webhooks.list(request.accountId, pages.request(request));
    return pages.answer(request, page, presentWebhook);
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
      const patch = webhookPatchOf(request.body);
      return presentWebhook(await webhooks.update(request.accountId, id, patch));
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
    '/webhooks/:id/secret/rotate',
    { schema: { params: ByIdParams, body: RotateBody, querystring: NoQuery } },
    async (request, reply) => {
      const { accountId, body } = request;
      const id = webhookId(request.params);
      const outcome = await webhooks.rotate(accountId, id, body, onceOf(request, rotated));
      return sendOutcome(reply, outcome, rotated);
    },
  );

  api.post(
    '/webhooks/:id/test',
    { schema: { params: ByIdParams, body: NoBody, querystring: NoQuery } },
    async (request, reply) => {
      const id = webhookId(request.params);
      const outcome = await webhooks.test(request.accountId, id, onceOf(request, tested));
      return sendOutcome(reply, outcome, tested);
    },
  );

  api.get(
    '/webhooks/:id/deliveries',
    { schema: { params: ByIdParams, querystring: WebhookDeliveriesQuery } },
    async (request) => {
      const { accountId, query } = request;
      const id = webhookId(request.params);
      const filter = deliveryFilter(query);
      const page = await deliveries.listOfWebhook(accountId, id, filter, pages.request(request));
      return pages.answer(request, page, presentDelivery);
    },
  );

  api.get(
    '/webhooks/:id/stats',
    { schema: { params: ByIdParams, querystring: NoQuery } },
    async (request) =>
      presentStats(await deliveries.stats(request.accountId, webhookId(request.params))),
  );
}

function created({ webhook, generatedSecret }: CreatedWebhook) {
  const shown = presentWebhook(webhook);
  if (generatedSecret === null) return { status: 201, body: shown };
  return { status: 201, body: { ...shown, ...shownOnce(generatedSecret) } };
}

function rotated({ webhook, secret }: RotatedWebhook) {
  return { status: 200, body: { ...presentWebhook(webhook), ...shownOnce(secret) } };
}

function shownOnce(secret: string) {
  return { secret, standard_secret: standardSpelling(secret) };
}

function tested({ eventId, status, attempt }: TestResult) {
  return {
    status: 200,
    body: {
      id: eventId,
      status,
      response_code: attempt.responseCode,
      response_body: attempt.responseBody,
      response_time_ms: attempt.responseTimeMs,
      error: presentFailure(attempt),
    },
  };
}

function webhookId({ id }: { id: string }): string {
  return expectId('webhook', id);
}
