import type { Api, RouteContext } from './context.ts';
import { deliveryRoutes } from './deliveries.ts';
import { eventTypeRoutes } from './event-types.ts';
import { eventRoutes } from './events.ts';
import { type HealthPorts, healthRoutes } from './health.ts';
import { type MetricsPort, metricsRoutes } from './metrics.ts';
import { type OpenApiPort, openApiRoutes } from './openapi.ts';
import { recoveryRoutes } from './recoveries.ts';
import { webhookRoutes } from './webhooks.ts';

export type SystemPorts = HealthPorts & { metrics: MetricsPort; openApi: OpenApiPort };

/** What anybody may read. */
export function systemRoutes(api: Api, context: RouteContext, ports: SystemPorts): void {
  healthRoutes(api, context, ports);
  metricsRoutes(api, ports);
  openApiRoutes(api, ports);
}

/** The API itself, below `/v1`. */
export function accountRoutes(api: Api, context: RouteContext): void {
  webhookRoutes(api, context);
  eventRoutes(api, context);
  deliveryRoutes(api, context);
  recoveryRoutes(api, context);
  eventTypeRoutes(api, context);
}
