import { fastify } from 'fastify';
import { accountRoutes, systemRoutes } from '../routes/all.ts';
import type { Api, RouteContext } from '../routes/context.ts';

/** A route as it is declared: what the OpenAPI document is made from. */
export interface Route {
  readonly method: string;
  /** With `:id` for what varies. */
  readonly url: string;
  readonly schema: {
    readonly params?: ObjectSchema;
    readonly querystring?: ObjectSchema;
    readonly body?: ObjectSchema;
  };
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, object>>;
  readonly default?: unknown;
}

/** What a server is told to serve. No handler runs, so there is nothing behind them. */
export function declaredRoutes(): Route[] {
  const routes: Route[] = [];
  const nothing = { service: {}, pages: {} } as RouteContext;
  const never = () => false;
  const noText = () => Promise.reject(new Error('There is no server.'));
  collect('', (api) => {
    systemRoutes(api, nothing, {
      isDraining: never,
      hasLease: never,
      metrics: noText,
      openApi: noText,
    });
  });
  collect('/v1', (api) => accountRoutes(api, nothing));
  return routes;

  function collect(prefix: string, addRoutes: (api: Api) => void): void {
    const api: Api = fastify({ exposeHeadRoutes: false });
    api.addHook('onRoute', ({ method, url, schema = {} }) => {
      routes.push({ method: String(method), url: prefix + url, schema: schema as Route['schema'] });
    });
    addRoutes(api);
  }
}
