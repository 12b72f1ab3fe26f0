import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { build } from 'esbuild';
import { type Client, createClient, PosthornApiError } from 'posthorn/client';
import { openApiDocument } from '../../src/http/openapi/document.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestServer } from '../support/start-test-server.ts';
import { until } from '../support/until.ts';
import { failureOf } from './support/failure-of.ts';

const server = await startTestServer({ after });

function clientOf(sent: string[] = []): Client {
  return createClient({
    baseUrl: `${server.url}/`,
    apiKey: server.key,
    fetch: (url, init) => {
      sent.push(`${init.method} ${new URL(url).pathname}`);
      return fetch(url, init);
    },
  });
}

test('every call of the API is a function', async (t) => {
  const sent: string[] = [];
  const client = clientOf(sent);
  const receiver = await startReceiver(t);

  const type = { name: 'invoice.paid', description: 'An invoice was paid' };
  const described = { ...type, schema: { type: 'object' }, example: { id: 'inv_123' } };
  assert.deepEqual(await client.eventTypes.put(described), described);
  assert.deepEqual(await client.eventTypes.get(type.name), described);
  assert.deepEqual(await client.eventTypes.put(type), { ...type, schema: null, example: null });
  await first(client.eventTypes.list());
  await client.eventTypes.delete('invoice.paid');
  const { id, secret } = await client.webhooks.create({ url: receiver.url, events: ['user.*'] });
  assert.match(secret ?? '', /^whsec_/);
  await first(client.webhooks.list());
  assert.equal((await client.webhooks.get(id)).url, receiver.url);
  assert.equal((await client.webhooks.test(id)).status, 'delivered');
  assert.notEqual((await client.webhooks.rotateSecret(id)).secret, secret);
  const event = await client.events.publish({ type: 'user.created', data: { id: 'usr_789' } });
  await client.events.publishBatch([{ type: 'user.updated', data: {} }]);
  assert.deepEqual((await client.events.get(event.id)).data, { id: 'usr_789' });
  await first(client.events.list({ type: 'user.created' }));
  const [delivery] = await all(client.events.deliveries(event.id));
  assert.ok(delivery !== undefined);
  await first(client.webhooks.deliveries(id));
  await first(client.deliveries.list({ webhook_id: id }));
  await until('it is delivered', async () => {
    return (await client.deliveries.get(delivery.id)).status === 'delivered';
  });
  await client.webhooks.update(id, { status: 'paused' });
  const again = await client.deliveries.redeliver(delivery.id);
  assert.equal((await client.deliveries.cancel(again.id)).cancel_reason, 'requested');
  await client.webhooks.stats(id);
  const { id: recoveryId } = await client.webhooks.recover(id, { since: aMinuteAgo() });
  await client.recoveries.get(recoveryId);
  await client.webhooks.delete(id);
  await client.system.health();
  await client.system.readiness();
  await client.system.metrics();
  assert.equal((await client.system.openApi()).openapi, openApiDocument().openapi);

  const made = new Set(sent.map(operationOf));
  assert.deepEqual([...made].toSorted(), operations().toSorted());
});

describe('a list', () => {
  test('is read to its end, page by page', async () => {
    const client = clientOf();
    const types = await all(client.eventTypes.list({ limit: 4 }));
    assert.equal(types.length, 9);
    assert.equal(new Set(types.map(({ name }) => name)).size, 9);
  });

  test('is read no further than asked for', async () => {
    const sent: string[] = [];
    for await (const { name } of clientOf(sent).eventTypes.list({ limit: 2 })) {
      if (name !== 'project.created') break;
    }
    assert.equal(sent.length, 1);
  });

  test('goes on from a cursor that was kept', async () => {
    const client = clientOf();
    const [page] = await all(client.eventTypes.list({ limit: 7 }).pages(), 1);
    const rest = await all(client.eventTypes.list({ limit: 7, cursor: page?.next_cursor ?? '' }));
    assert.deepEqual(
      rest.map(({ name }) => name),
      ['user.deleted', 'user.updated'],
    );
  });
});

describe('a refusal is an error', () => {
  test('with code, faults and request id', async () => {
    // @ts-expect-error: the misspelt member is what is tried.
    const call = clientOf().webhooks.create({ url: 'https://example.com', event: ['*'] });
    const error = await failureOf(call);
    assert.ok(error instanceof PosthornApiError);
    assert.equal(error.status, 422);
    assert.equal(error.code, 'invalid_request');
    assert.match(error.requestId ?? '', /^req_/);
    assert.deepEqual(error.faults.map(({ pointer }) => pointer).toSorted(), ['/event', '/events']);
  });

  test('of the path that was asked for, whatever the id is', async () => {
    const sent: string[] = [];
    await assert.rejects(clientOf(sent).webhooks.get('../events?'), { code: 'not_found' });
    assert.deepEqual(sent, ['GET /v1/webhooks/..%2Fevents%3F']);
  });
});

test('it runs in browsers: nothing of Node, no package and none of the server is in it', async () => {
  const { metafile } = await build({
    entryPoints: [new URL('../../src/client/index.ts', import.meta.url).pathname],
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    platform: 'browser',
    metafile: true,
  });
  const inputs = Object.keys(metafile.inputs).map((path) => path.replace(/^.*server\/src\//, ''));
  assert.deepEqual(
    inputs.filter((path) => !path.startsWith('client/')),
    [],
  );
});

async function all<Item>(list: AsyncIterable<Item>, max = Infinity): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of list) {
    items.push(item);
    if (items.length === max) break;
  }
  return items;
}

async function first(list: AsyncIterable<object>): Promise<void> {
  const [item] = await all(list, 1);
  assert.ok(item !== undefined);
}

function aMinuteAgo(): string {
  return new Date(Date.now() - 60_000).toISOString();
}

/** `GET /v1/webhooks/{id}` of `GET /v1/webhooks/wh_…`. */
function operationOf(sent: string): string {
  const found = operations().find((operation) =>
    new RegExp(`^${operation.replace(/\{\w+\}/, '[^/]+')}$`).test(sent),
  );
  return found ?? sent;
}

function operations(): string[] {
  return Object.entries(openApiDocument().paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
}
