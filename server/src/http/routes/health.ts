import { PosthornError } from '../../core/errors.ts';
import type { Api, RouteContext } from './context.ts';

export interface HealthPorts {
  isDraining: () => boolean;
  /** Without a lease this node may know less than others: it answers nothing. */
  hasLease: () => boolean;
}

/** `/healthz`: the process answers. `/readyz`: it can also commit, and is not shutting down. */
export function healthRoutes(
  api: Api,
  { service }: RouteContext,
  { isDraining, hasLease }: HealthPorts,
): void {
  api.get('/healthz', async () => ({ status: 'ok' }));

  api.get('/readyz', async () => {
    if (isDraining()) throw new PosthornError('draining', 'Posthorn is shutting down.');
    if (!hasLease()) throw new PosthornError('store_unavailable', 'This node has no lease.');
    await service.checkReady();
    return { status: 'ready' };
  });
}
