// The package as it is published, used from outside: types of ESM and CommonJS projects beside the
// real types of the frameworks, every Node that is on the PATH, Deno and Bun.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { buildReceiver } from '../../scripts/build-receiver.ts';
import { createConsumer, installedNodes, typescript5 } from './runtimes/consumer.ts';
import { installedRuntimes } from './runtimes/installed.ts';
import { documented } from './vectors.ts';

const { project, write, typeCheck } = createConsumer(
  ['@types', 'fastify', 'hono', 'koa', 'express', 'ioredis'],
  (modules) => buildReceiver(join(modules, '@posthorn/receiver')),
);

const FRAMEWORKS = `
import { createReceiver, memoryStore, verify } from '@posthorn/receiver';
import { expressHandler } from '@posthorn/receiver/express';
import { fastifyHandler, fastifyPlugin } from '@posthorn/receiver/fastify';
import { fetchHandler } from '@posthorn/receiver/fetch';
import { honoHandler } from '@posthorn/receiver/hono';
import { koaHandler } from '@posthorn/receiver/koa';
import { lambdaHandler } from '@posthorn/receiver/lambda';
import { nextHandler } from '@posthorn/receiver/next';
import { nodeHandler } from '@posthorn/receiver/node';
import { redisStore } from '@posthorn/receiver/redis';
import { sqlStore } from '@posthorn/receiver/sql';
import { deliver, signedRequest } from '@posthorn/receiver/testing';
import { createServer } from 'node:http';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { Redis } from 'ioredis';
import Koa from 'koa';

interface Events { 'user.created': { name: string }; 'user.deleted': { id: string } }
const redis = new Redis({ lazyConnect: true });
const receiver = createReceiver<Events>({
  secrets: process.env.WEBHOOK_SECRET,
  store: redisStore(([name = '', ...args]) => redis.call(name, ...args)),
});
receiver.on('user.created', (event) => event.data.name.trim());
// @ts-expect-error: there is no such event.
receiver.on('user.renamed', () => {});

express().post('/webhooks', expressHandler(receiver));
fastify().register(fastifyPlugin(receiver, '/webhooks'));
fastify().post('/webhooks', fastifyHandler(receiver));
new Hono().post('/webhooks', honoHandler(receiver));
new Koa().use(koaHandler(receiver));
createServer(nodeHandler(receiver));
export const POST: (request: Request) => Promise<Response> = nextHandler(receiver);
export const handler = lambdaHandler(receiver);
export const worker = { fetch: (request: Request) => fetchHandler(receiver)(request) };
export const parts = [memoryStore(), sqlStore, verify, deliver, signedRequest];
`;

const COMMONJS = `
const { verify, createReceiver } = require('@posthorn/receiver') as
  typeof import('@posthorn/receiver', { with: { 'resolution-mode': 'import' } });
import type { WebhookEvent } from '@posthorn/receiver' with { 'resolution-mode': 'import' };
const receiver = createReceiver({ secrets: 'your_webhook_secret' });
receiver.on('*', (event) => event.id satisfies WebhookEvent['id']);
export async function check(headers: Record<string, string>, body: string): Promise<string> {
  const { verify: imported } = await import('@posthorn/receiver');
  return [await verify({ headers, body, secrets: 'x' }), imported].length.toFixed();
}
`;

describe('a TypeScript project type-checks', () => {
  const projects: readonly [what: string, type: string, source: string, options: object][] = [
    ['as ESM, with the frameworks', 'module', FRAMEWORKS, { module: 'nodenext' }],
    ['as CommonJS that imports it', 'commonjs', FRAMEWORKS, { module: 'nodenext' }],
    ['as CommonJS that requires it', 'commonjs', COMMONJS, { module: 'node18' }],
    [
      'for a bundler, with nothing of Node or the browser',
      'module',
      `import { verify } from '@posthorn/receiver';
       export const seen = verify({ headers: {}, body: '', secrets: '' }).then(({ id }) => id);`,
      { module: 'preserve', moduleResolution: 'bundler', types: [], lib: ['es2022'] },
    ],
  ];
  for (const [what, type, source, options] of projects) {
    test(what, () => {
      // The declarations of the package themselves are what is tried here; the frameworks' are
      // not, and some of them have faults.
      const skipLibCheck = source === FRAMEWORKS;
      typeCheck({ type, source, options: { skipLibCheck, ...options } });
    });
  }

  test('as CommonJS by TypeScript 5, which then knows no exports', () => {
    typeCheck({
      type: 'commonjs',
      source: FRAMEWORKS,
      options: { skipLibCheck: true, module: 'commonjs', esModuleInterop: true },
      compiler: typescript5,
    });
  });
});

const { headers, body } = {
  headers: {
    'webhook-id': documented.id,
    'webhook-timestamp': String(documented.timestamp),
    'webhook-signature': documented.standard_signature,
  },
  body: documented.body,
};

const RUN = `
const request = ${JSON.stringify({ headers, body, secrets: documented.secret })};
const now = new Date(${documented.timestamp * 1000});
async function main({ createReceiver, verify }, { fetchHandler }, { signedRequest, TEST_SECRET }) {
  const { event } = await verify({ ...request, now });
  const key = 'whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=';
  const v1a = 'v1a,WJ+ASskzYaZdvJcmiTrcwJXO1AVivpy+lGEgWZVCts4TIxmy5b/hfHw0KWRdvcToKfzgaocGUs+uHtKB7cRNAg==';
  const headers = { ...request.headers, 'webhook-signature': v1a };
  await verify({ ...request, headers, secrets: key, now });
  const refused = await verify({ ...request, body: '{}', now }).catch((error) => error.code);
  const handled = [];
  const receiver = createReceiver({ secrets: TEST_SECRET });
  receiver.on('user.*', ({ type }) => handled.push(type));
  const { url, ...sent } = await signedRequest();
  const answer = await fetchHandler(receiver)(new Request(url, sent));
  console.log(event.type, refused, answer.status, await answer.text(), handled.join());
}
`;
const SAID = 'user.created signature_mismatch 200 OK user.created\n';

const PARTS = ['', '/fetch', '/testing'].map((part) => `@posthorn/receiver${part}`);
const PROGRAMS = {
  'imported.mjs': `${PARTS.map((part, index) => `import * as part${index} from '${part}';`).join('\n')}
${RUN}
await main(part0, part1, part2);`,
  'required.cjs': `${RUN}\nmain(${PARTS.map((part) => `require('${part}')`).join(', ')});`,
  'imported.cjs': `${RUN}
Promise.all([${PARTS.map((part) => `import('${part}')`).join(', ')}]).then((all) => main(...all));`,
};

describe('the package runs', () => {
  for (const [file, source] of Object.entries(PROGRAMS)) {
    const how = file.replace('.mjs', ' by an ES module').replace('.cjs', ' by CommonJS');
    for (const { node, version } of installedNodes()) {
      test(`${how} in Node ${version}`, () => run(node, [], file, source));
    }
    for (const { name, program, options } of installedRuntimes()) {
      test(`${how} in ${name}`, () => run(program, options, file, source));
    }
  }
});

function run(command: string, options: readonly string[], file: string, source: string): void {
  write('package.json', '{}');
  write(file, source);
  const said = execFileSync(command, [...options, file], {
    cwd: project,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  assert.equal(said, SAID);
}
