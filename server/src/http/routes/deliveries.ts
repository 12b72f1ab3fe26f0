import type { Delivery } from '../../core/model.ts';
import { deliveryFilter } from '../filters.ts';
import { onceOf, sendOutcome } from '../idempotency.ts';
import { presentAttempt, presentDelivery } from '../present.ts';
import { ByIdParams, DeliveriesQuery, NoBody, NoQuery } from '../schemas.ts';
import { type Api, expectId, type RouteContext } from './context.ts';

export function deliveryRoutes(api: Api, { service, pages }: RouteContext): void {
  const { deliveries } = service;

  api.get('/deliveries', { schema: { querystring: DeliveriesQuery } }, async (request) => {
    const { accountId, query } = request;
    const page = await deliveries.list(accountId, deliveryFilter(query), pages.request(request));
    return pages.answer(request, page, presentDelivery);
  });

  api.get(
    '/deliveries/:id',
    { schema: { params: ByIdParams, querystring: NoQuery } },
    async (request) => {
      const id = expectId('delivery', request.params.id);
      const { delivery, attempts } = await deliveries.get(request.accountId, id);
      return { ...presentDelivery(delivery), attempts: attempts.map(presentAttempt) };
    },
  );

  api.post(
    '/deliveries/:id/redeliver',
    { schema: { params: ByIdParams, body: NoBody, querystring: NoQuery } },
    async (request, reply) => {
      const id = expectId('delivery', request.params.id);
      const once = onceOf(request, redelivered);
      const outcome = await deliveries.redeliver(request.accountId, id, once);
      return sendOutcome(reply, outcome, redelivered);
    },
  );

  api.post(
    '/deliveries/:id/cancel',
    { schema: { params: ByIdParams, body: NoBody, querystring: NoQuery } },
    async (request, reply) => {
      const id = expectId('delivery', request.params.id);
      const once = onceOf(request, cancelled);
      return sendOutcome(reply, await deliveries.cancel(request.accountId, id, once), cancelled);
    },
  );
}

function redelivered(delivery: Delivery) {
  return { status: 202, body: presentDelivery(delivery) };
}

function cancelled(delivery: Delivery) {
  return { status: 200, body: presentDelivery(delivery) };
}
