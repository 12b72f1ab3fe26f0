import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import type { RouteOptions } from 'fastify';
import { EVENT_TYPE_BODY } from '../../src/http/openapi/examples.ts';
import { createWebhook, endedDelivery, listDeliveries, publish } from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { routesOf } from '../support/routes.ts';
import { startTestServer, type TestServer } from '../support/start-test-server.ts';

type Json = null | string | number | boolean | Json[] | { [member: string]: Json };

const page = readFileSync(new URL('../../../docs/rest-api.md', import.meta.url), 'utf8');
const sections = sectionsOf(page);

describe('docs/rest-api.md', () => {
  test('has a section for every route of the server, and for no other', async (t) => {
    const routes = (await routesOf(t)).map(nameOf);
    assert.ok(routes.length > 15, 'the routes were heard of');
    assert.deepEqual([...sections.keys()].toSorted(), routes.toSorted());
  });

  test('names every parameter and every member of the body in the section of its route', async (t) => {
    for (const route of await routesOf(t)) {
      const text = sections.get(nameOf(route)) ?? '';
      for (const member of inputsOf(route)) {
        assert.ok(text.includes(`\`${member}\``), `${nameOf(route)} does not name \`${member}\``);
      }
    }
  });

  test('shows answers with the members that the server answers with', async (t) => {
    for (const [route, answer] of Object.entries(await realAnswers(t))) {
      const [example] = examplesOf(sections.get(route) ?? '');
      assert.ok(example !== undefined, `${route} has no example`);
      assert.equal(difference(example, answer, ''), null, route);
    }
  });
});

describe('two answers differ when', () => {
  const answer = { id: '1', list: [{ a: 1 }], error: { code: 'x' } };
  const others: readonly [what: string, other: Json, where: string | null][] = [
    ['a member is missing', { id: '1', list: [{ a: 1 }] }, '(error)'],
    ['there is one more', { ...answer, more: 1 }, '(more)'],
    ['an item has other members', { ...answer, list: [{ b: 1 }] }, '/list/0(a, b)'],
    ['a member is of another kind', { ...answer, id: {} }, '/id'],
  ];
  for (const [what, other, where] of others) {
    test(what, () => assert.equal(difference(answer, other, ''), where));
  }
  test('but not when a value is another or null', () => {
    assert.equal(difference(answer, { id: '2', list: [], error: null }, ''), null);
  });
});

/** `GET /v1/webhooks/{id}`, as the page writes it. */
function nameOf({ method, url }: RouteOptions): string {
  return `${method} ${url}`;
}

function inputsOf({ schema }: RouteOptions): string[] {
  const { querystring, body } = (schema ?? {}) as Record<string, { properties?: object }>;
  return [querystring, body].flatMap((part) => Object.keys(part?.properties ?? {}));
}

/** The text below each heading that is a method and a path. */
function sectionsOf(text: string): Map<string, string> {
  const parts = text.split(/^#{2,3} /m).slice(1);
  return new Map(
    parts.flatMap((part) => {
      const name = /^`([A-Z]+ \/\S*)`\n/.exec(part)?.[1];
      return name === undefined ? [] : [[name, part] as const];
    }),
  );
}

function examplesOf(section: string): Json[] {
  return [...section.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, text = '']) =>
    JSON.parse(text),
  );
}

/** One real answer of each route that answers with a body of its own. */
async function realAnswers(t: TestContext): Promise<Record<string, Json>> {
  const server = await startTestServer(t, { retryScheduleMs: [0] });
  const receiver = await startReceiver(t, { otherwise: { status: 503, body: 'no' } });
  const webhook = await createWebhook(server, { url: receiver.url });
  const ask = (method: string, path: string, body?: unknown) => answer(server, method, path, body);

  const settings = { rate_limit: { max: 5, per: 1 }, retry_schedule: [0] };
  const patched = await ask('PATCH', `/v1/webhooks/${webhook.id}`, settings);
  const event = await publish(server);
  const { id: deliveryId } = await endedDelivery(server, webhook.id);
  const paused = await createWebhook(server, { url: receiver.url });
  const ofPaused = `/v1/webhooks/${paused.id}`;
  await ask('PATCH', ofPaused, { status: 'paused' });
  await publish(server);
  const [pending] = await listDeliveries(server, paused.id);
  const since = new Date(Date.now() - 60_000).toISOString();
  const recovery = await server.request('POST', `${ofPaused}/recover`, { since });

  const ofDelivery = `/v1/deliveries/${deliveryId}`;
  const ofWebhook = `/v1/webhooks/${webhook.id}`;
  return {
    'POST /v1/webhooks': { ...webhook },
    'GET /v1/webhooks': await ask('GET', '/v1/webhooks'),
    'PATCH /v1/webhooks/{id}': patched,
    'POST /v1/webhooks/{id}/secret/rotate': await ask('POST', `${ofWebhook}/secret/rotate`),
    'POST /v1/webhooks/{id}/recover': JSON.parse(recovery.text),
    'POST /v1/deliveries/{id}/cancel': await ask('POST', `/v1/deliveries/${pending?.id}/cancel`),
    'POST /v1/webhooks/{id}/test': await ask('POST', `${ofWebhook}/test`),
    'GET /v1/webhooks/{id}/deliveries': await ask('GET', `${ofWebhook}/deliveries`),
    'GET /v1/webhooks/{id}/stats': await ask('GET', `${ofWebhook}/stats`),
    'POST /v1/events': { ...event },
    'GET /v1/events': await ask('GET', '/v1/events'),
    'GET /v1/events/{id}': await ask('GET', `/v1/events/${event.id}`),
    'GET /v1/deliveries': await ask('GET', '/v1/deliveries'),
    'GET /v1/deliveries/{id}': await ask('GET', ofDelivery),
    'POST /v1/deliveries/{id}/redeliver': await ask('POST', `${ofDelivery}/redeliver`),
    'GET /v1/event-types': await ask('GET', '/v1/event-types'),
    'PUT /v1/event-types/{name}': await ask('PUT', '/v1/event-types/invoice.paid', {
      ...EVENT_TYPE_BODY,
    }),
  };
}

async function answer(
  server: TestServer,
  method: string,
  path: string,
  body?: unknown,
): Promise<Json> {
  const { status, text } = await server.request(method, path, body);
  assert.ok(status < 300, text);
  return JSON.parse(text);
}

/**
 * Where two answers have not the same members, or null. Null stands for anything, lists are compared
 * by their first items, and what an event carries in `data` is its publisher's.
 */
function difference(example: Json, real: Json, pointer: string): string | null {
  if (example === null || real === null) return null;
  if (Array.isArray(example) && Array.isArray(real)) {
    const [[first], [other]] = [example, real];
    if (first === undefined || other === undefined) return null;
    return difference(first, other, `${pointer}/0`);
  }
  if (typeof example !== 'object' || Array.isArray(example)) {
    return typeof real === typeof example ? null : pointer;
  }
  if (typeof real !== 'object' || Array.isArray(real)) return pointer;
  if (pointer.endsWith('/data')) return null;
  const [names, others] = [new Set(Object.keys(example)), new Set(Object.keys(real))];
  const unlike = [...names.symmetricDifference(others)];
  if (unlike.length > 0) return `${pointer}(${unlike.toSorted().join(', ')})`;
  return (
    [...names]
      .map((name) => difference(example[name] ?? null, real[name] ?? null, `${pointer}/${name}`))
      .find((found) => found !== null) ?? null
  );
}
