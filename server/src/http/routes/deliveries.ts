import { presentAttempt, presentDelivery } from '../present.ts';
import { ByIdParams, NoQuery } from '../schemas.ts';
import { type Api, expectId, type RouteContext } from './context.ts';

export function deliveryRoutes(api: Api, { service }: RouteContext): void {
  api.get(
    '/deliveries/:id',
    { schema: { params: ByIdParams, querystring: NoQuery } },
    async (request) => {
      const id = expectId('delivery', request.params.id);
      const { delivery, attempts } = await service.deliveries.get(request.accountId, id);
      return { ...presentDelivery(delivery), attempts: attempts.map(presentAttempt) };
    },
  );
}
