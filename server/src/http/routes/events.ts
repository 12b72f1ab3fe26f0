import { ID_PREFIXES } from '../../core/ids.ts';
import type { Event } from '../../core/model.ts';
import { deliveryFilter, eventFilter } from '../filters.ts';
import { onceOf, sendOutcome } from '../idempotency.ts';
import { presentAccepted, presentDelivery, presentEvent } from '../present.ts';
import { ByIdParams, EventDeliveriesQuery, EventsQuery, NoQuery, PublishBody } from '../schemas.ts';
import { type Api, expectId, type RouteContext } from './context.ts';

export function eventRoutes(api: Api, { service, pages }: RouteContext): void {
  const { events, deliveries } = service;

  api.post(
    '/events',
    { schema: { body: PublishBody, querystring: NoQuery } },
    async (request, reply) => {
      const { accountId, body } = request;
      if (body.events !== undefined) {
        const once = onceOf(request, acceptedBatch);
        const outcome = await events.publishBatch(accountId, body.events, once);
        return sendOutcome(reply, outcome, acceptedBatch);
      }
      const { type = '', data } = body;
      const outcome = await events.publish(accountId, { type, data }, onceOf(request, accepted));
      return sendOutcome(reply, outcome, accepted);
    },
  );

  api.get('/events', { schema: { querystring: EventsQuery } }, async (request) => {
    const { accountId, query } = request;
    const page = await events.list(accountId, eventFilter(query), pages.request(request));
    return pages.answer(request, page, presentEvent);
  });

  api.get(
    '/events/:id',
    { schema: { params: ByIdParams, querystring: NoQuery } },
    async (request) => presentEvent(await events.get(request.accountId, eventId(request.params))),
  );

  api.get(
    '/events/:id/deliveries',
    { schema: { params: ByIdParams, querystring: EventDeliveriesQuery } },
    async (request) => {
      const { accountId, query } = request;
      const id = eventId(request.params);
      const filter = deliveryFilter(query);
      const page = await deliveries.listOfEvent(accountId, id, filter, pages.request(request));
      return pages.answer(request, page, presentDelivery);
    },
  );
}

function accepted(event: Event) {
  return { status: 202, body: presentAccepted(event) };
}

function acceptedBatch(events: readonly Event[]) {
  return { status: 202, body: { data: events.map(presentAccepted) } };
}

function eventId({ id }: { id: string }): string {
  return expectId(id.startsWith(ID_PREFIXES.testEvent) ? 'testEvent' : 'event', id);
}
