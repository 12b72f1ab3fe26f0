import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { Cleanup } from './cleanup.ts';
import { startTestServer } from './start-test-server.ts';

/**
 * What Fastify is told to serve, in the wiring of a real server, with paths as documents write them
 * (`/v1/webhooks/{id}`); not the answers 405, nor `HEAD`, which goes with `GET`.
 */
export async function routesOf(cleanup: Cleanup): Promise<RouteOptions[]> {
  const routes: RouteOptions[] = [];
  const hear = (message: unknown) => {
    (message as { fastify: FastifyInstance }).fastify.addHook('onRoute', (route) => {
      if (typeof route.method !== 'string' || route.method === 'HEAD') return;
      routes.push({ ...route, url: route.url.replace(/:(\w+)/g, '{$1}') });
    });
  };
  subscribe('fastify.initialization', hear);
  try {
    await startTestServer(cleanup);
  } finally {
    unsubscribe('fastify.initialization', hear);
  }
  return routes;
}
