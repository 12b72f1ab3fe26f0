import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Validator } from '@seriousme/openapi-schema-validator';
import openapiTS, { astToString } from 'openapi-typescript';
import { FIRST_EVENT_TYPES } from '../../src/core/event-types.ts';
import { TEST_EVENT } from '../../src/http/openapi/examples.ts';
import { createWebhook, expectStatus, type ListBody, publish } from '../support/api.ts';
import { deliveryFault } from '../support/contract.ts';
import { startReceiver } from '../support/receiver.ts';
import { routesOf } from '../support/routes.ts';
import { startTestServer } from '../support/start-test-server.ts';

interface Document {
  paths: Record<string, Record<string, unknown>>;
  webhooks: Record<string, unknown>;
  components: { parameters: Record<string, unknown> };
}

const root = fileURLToPath(new URL('../../..', import.meta.url));
const text = await readFile(`${root}spec/openapi.json`, 'utf8');
const document: Document = JSON.parse(text);
const server = await startTestServer({ after });

test('/v1/openapi.json answers spec/openapi.json, without a key', async () => {
  const headers = { Authorization: undefined };
  const answer = await server.request('GET', '/v1/openapi.json', undefined, headers);
  assert.equal(answer.text, text);
  assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
});

test('the document has every route of the server, and no other', async (t) => {
  const routes = (await routesOf(t)).map(({ method, url }) => `${method} ${url}`);
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(described.toSorted(), routes.toSorted());
});

test('its webhooks are the event types of a fresh installation, and the test call', async () => {
  const answer = await server.request<ListBody<{ name: string; description: string }>>(
    'GET',
    '/v1/event-types?limit=100',
  );
  const catalogue = expectStatus(200, answer).data.map(({ name, description }) => {
    return [name, description] as const;
  });
  assert.deepEqual(Object.fromEntries(catalogue), FIRST_EVENT_TYPES);
  assert.deepEqual(Object.keys(document.webhooks), [
    ...Object.keys(FIRST_EVENT_TYPES),
    'webhook.test',
  ]);
});

test('its webhooks have the headers and the body of what is delivered', async (t) => {
  const receiver = await startReceiver(t);
  const { id } = await createWebhook(server, { url: receiver.url });
  await publish(server, { id: 'usr_789' }, 'user.created');
  const created = await receiver.next();
  await server.request('POST', `/v1/webhooks/${id}/test`);
  const tested = await receiver.next();

  const documented = Object.keys(document.components.parameters);
  const ofHttp = ['content-length', 'connection', 'host', 'content-type'];
  for (const { headers } of [created, tested]) {
    const sent = headers.map(([name]) => name).filter((name) => !ofHttp.includes(lower(name)));
    assert.deepEqual(sent.map(lower).toSorted(), documented.map(lower).toSorted());
  }
  assert.equal(deliveryFault('user.created', created.body.toString()), null);
  assert.equal(deliveryFault('webhook.test', tested.body.toString()), null);
  assert.match(deliveryFault('user.deleted', created.body.toString()) ?? '', /type must be/);
  const { data } = JSON.parse(tested.body.toString());
  assert.deepEqual(data, { ...TEST_EVENT.data, webhook_id: id });
});

describe('the document is valid OpenAPI 3.1', () => {
  test('by its JSON Schema', async () => {
    assert.deepEqual(await faultsBySchema(text), []);
  });

  test('by the rules of a linter, its examples included', async () => {
    assert.deepEqual(await faultsByRules(text), []);
  });

  test('and both find what is wrong', async () => {
    const broken = text.replace('"operationId": "listWebhooks"', '"operationId": 7');
    assert.notEqual(broken, text);
    assert.notDeepEqual(await faultsBySchema(broken), []);
    assert.notDeepEqual(await faultsByRules(broken), []);
    const wrongExample = text.replace('"secret_hint": "3Ig="', '"secret_hint": 3');
    assert.notEqual(wrongExample, text);
    assert.notDeepEqual(await faultsByRules(wrongExample), []);
  });
});

describe('a client whose types are generated from the document', () => {
  test('compiles', async (t) => {
    assert.deepEqual(await compile(t, PROGRAM), []);
  });

  test('does not compile with a member that the API does not know', async (t) => {
    const [fault = ''] = await compile(t, PROGRAM.replace('webhook.url', 'webhook.uri'));
    assert.match(fault, /Property 'uri' does not exist/);
  });
});

function lower(name: string): string {
  return name.toLowerCase();
}

async function faultsBySchema(source: string): Promise<unknown[]> {
  const { valid, errors } = await new Validator().validate(JSON.parse(source));
  return valid ? [] : [errors];
}

async function faultsByRules(source: string): Promise<string[]> {
  const config = await createConfig({ extends: ['recommended-strict'] });
  const problems = await lintFromString({ source, config });
  return problems.map(({ ruleId, message, location: [place] }) => {
    return `${ruleId}: ${message} (${place?.pointer})`;
  });
}

const PROGRAM = `
import type { components, operations, paths, webhooks } from './generated.ts';

type Webhook = components['schemas']['Webhook'];
type Json<Answer extends { content: { 'application/json': unknown } }> =
  Answer['content']['application/json'];

const body: paths['/v1/webhooks']['post']['requestBody']['content']['application/json'] = {
  url: 'https://yourdomain.com/webhooks',
  events: ['user.*'],
  rate_limit: { max: 100, per: '1m' },
};

export async function firstUrl(): Promise<string | undefined> {
  await fetch('/v1/webhooks', { method: 'POST', body: JSON.stringify(body) });
  const response = await fetch('/v1/webhooks');
  const list: Json<operations['listWebhooks']['responses'][200]> = await response.json();
  const [webhook]: Webhook[] = list.data;
  return webhook === undefined || webhook.status === 'disabled' ? undefined : webhook.url;
}

type Created = webhooks['user.created']['post'];
export function receive(event: Json<NonNullable<Created['requestBody']>>): string {
  const type: 'user.created' = event.type;
  return type + event.id + JSON.stringify(event.data);
}

export function codeOf(problem: components['schemas']['Problem']): boolean {
  return problem.code === 'rate_limited';
}
`;

const TSCONFIG = {
  compilerOptions: {
    target: 'esnext',
    module: 'nodenext',
    lib: ['esnext', 'dom'],
    types: [],
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
  },
  include: ['*.ts'],
};

async function compile(t: TestContext, program: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-client-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'generated.ts'), astToString(await openapiTS(text)));
  await writeFile(join(folder, 'program.ts'), program);
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
  const compiler = join(root, 'node_modules/.bin/tsc');
  const { stdout, error } = spawnSync(process.execPath, [compiler, '-p', folder], {
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  return stdout.split('\n').filter((line) => line.includes('error TS'));
}
