import type { Recovery } from '../../core/model.ts';
import { onceOf, sendOutcome } from '../idempotency.ts';
import { presentRecovery } from '../present.ts';
import { ByIdParams, NoQuery, RecoverBody } from '../schemas.ts';
import { recoverySpanOf } from '../webhook-body.ts';
import { type Api, expectId, type RouteContext } from './context.ts';

export function recoveryRoutes(api: Api, { service }: RouteContext): void {
  const { recoveries } = service;

  api.post(
    '/webhooks/:id/recover',
    { schema: { params: ByIdParams, body: RecoverBody, querystring: NoQuery } },
    async (request, reply) => {
      const { accountId, body } = request;
      const webhookId = expectId('webhook', request.params.id);
      const once = onceOf(request, begun);
      const span = recoverySpanOf(body);
      return sendOutcome(reply, await recoveries.create(accountId, webhookId, span, once), begun);
    },
  );

  api.get(
    '/recoveries/:id',
    { schema: { params: ByIdParams, querystring: NoQuery } },
    async (request) => {
      const id = expectId('recovery', request.params.id);
      return presentRecovery(await recoveries.get(request.accountId, id));
    },
  );
}

function begun(recovery: Recovery) {
  return { status: 202, body: presentRecovery(recovery) };
}
