// Runs every sample of docs/receiving.md: in one project, with the package as it is published and
// the real frameworks, type-checked together, each then used as its text says.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  type AnyEvents,
  createReceiver,
  type Receiver,
  VERIFICATION_ERRORS,
} from '@posthorn/receiver';
import { nodeHandler } from '@posthorn/receiver/node';
import {
  type Deliverable,
  deliver,
  signedRequest,
  TEST_SECRET,
  type TestEvent,
} from '@posthorn/receiver/testing';
import { buildReceiver } from '../../../scripts/build-receiver.ts';
import { startTestServer } from '../support/start-test-server.ts';
import { snippetsOf } from './support/snippets.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(root, 'docs/receiving.md'), 'utf8');
const project = realpathSync(mkdtempSync(join(tmpdir(), 'posthorn-docs-')));
const USER = { type: 'user.created', data: { id: 'usr_1', name: 'Zoë' } };
const SAID = ['New user: Zoë', 'user.created usr_1'];

/** What each sample exports. */
type Module = Record<string, unknown>;

/** By the file that the first line of a sample names. */
const CHECKS: Record<string, (sample: Module, t: TestContext) => Promise<void>> = {
  'receiver.ts': ({ receiver }, t) => greets(receiver as Deliverable, t),
  'express.ts': ({ app }, t) => greets(app as Deliverable, t),
  'express-kept.ts': ({ app }, t) => greets(app as Deliverable, t),
  'fastify.ts': ({ app }, t) => greets(app as Deliverable, t),
  'hono.ts': ({ app }, t) => greets(app as Deliverable, t),
  'koa.ts': ({ app }, t) => greets(app as Deliverable, t),
  'route.ts': ({ POST }, t) => greets({ fetch: POST } as Deliverable, t),
  'worker.ts': ({ worker }, t) => greets(worker as Deliverable, t),
  async 'lambda.ts'({ handler }, t) {
    const invoke = handler as (event: object) => Promise<{ statusCode: number; body: string }>;
    await greets(
      {
        async receive(request) {
          const { statusCode, body } = await invoke(request);
          return { status: statusCode, headers: {}, body };
        },
      },
      t,
    );
  },
  async 'node.ts'({ server }, t) {
    const listeners = (server as ReturnType<typeof createServer>).listeners('request');
    await greets(listeners[0] as Deliverable, t);
  },
  async 'verify.ts'({ receive }, t) {
    const lines = told(t);
    const app = { fetch: receive } as Deliverable;
    assert.equal((await deliver(app, { ...USER, id: 'evt_1' })).status, 200);
    const refused = await deliver(app, USER, { secret: 'another_webhook_secret' });
    assert.deepEqual([refused.status, refused.body], [401, 'signature_mismatch']);
    assert.deepEqual(lines[0], 'evt_1 user.created');
    assert.match(lines[1] ?? '', /^signature_mismatch No signature matches\. Is the secret/);
  },
  async 'payments.ts'({ payments, db }) {
    const event = { id: 'evt_1', type: 'payment.made', data: { amount: 5 } };
    assert.equal((await deliver(payments as Deliverable, event)).body, 'OK');
    assert.equal((await deliver(payments as Deliverable, event)).body, 'OK, already handled');
    const rows = (db as { prepare(text: string): { all(): object[] } })
      .prepare('select amount from payments')
      .all();
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      [{ amount: 5 }],
    );
  },
  async 'sql.ts'({ receiver, store }) {
    await remembers(receiver);
    assert.equal(await (store as { prune(): Promise<number> }).prune(), 0);
  },
  async 'redis.ts'({ receiver, redis }, t) {
    t.after(() => (redis as { disconnect(): void }).disconnect());
    await remembers(receiver);
  },
  async 'slow.ts'({ receiver }, t) {
    const lines = told(t);
    assert.equal((await deliver(receiver as Deliverable, { id: 'evt_good' })).status, 200);
    assert.equal((await deliver(receiver as Deliverable, { id: 'evt_bad' })).status, 500);
    assert.match(lines.join('\n'), /^handler evt_bad {2}Error: cannot crunch/);
  },
  async 'schemas.ts'({ receiver }, t) {
    const lines = told(t);
    const app = receiver as Deliverable;
    const named = { type: 'user.created', data: { id: 'usr_1', name: ' Zoë ' } };
    assert.equal((await deliver(app, named)).status, 200);
    assert.equal(lines[0], 'Hello Zoë!');
    const answer = await deliver(app, { type: 'user.created', data: { id: 'usr_1' } });
    assert.equal(answer.status, 422);
    assert.match(answer.body, /data\.name: /);
  },
  async 'webhooks.test.ts'() {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const run = spawnSync(process.execPath, ['--test', 'webhooks.test.ts'], {
      cwd: project,
      encoding: 'utf8',
      env: { ...env, WEBHOOK_SECRET: TEST_SECRET },
    });
    assert.equal(run.status, 0, run.stdout);
    assert.match(run.stdout, /pass 2/);
  },
};

const samples = new Map(
  snippetsOf('docs/receiving.md', 'ts')
    .takeAll()
    .map((text) => [/^\/\/ (\S+)\n/.exec(text)?.[1] ?? '', text]),
);
const commands = snippetsOf('docs/receiving.md', 'bash');

before(() => {
  process.env.WEBHOOK_SECRET = TEST_SECRET;
  const modules = join(project, 'node_modules');
  mkdirSync(modules);
  for (const name of ['@types', 'express', 'fastify', 'hono', 'ioredis', 'koa', 'zod']) {
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  buildReceiver(join(modules, '@posthorn/receiver'));
  writeFileSync(join(project, 'package.json'), '{"type":"module"}');
  for (const [file, text] of samples) writeFileSync(join(project, file), text);
});

after(() => rmSync(project, { recursive: true, force: true }));

test('every sample of the page has a check', () => {
  assert.deepEqual([...samples.keys()].toSorted(), Object.keys(CHECKS).toSorted());
});

test('the samples type-check together', () => {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2022',
    types: ['node'],
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
  };
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: [...samples.keys()] }),
  );
  const compiler = join(root, 'node_modules/.bin/tsc');
  const { stdout, status } = spawnSync(process.execPath, [compiler], { cwd: project });
  assert.equal(status, 0, String(stdout));
});

describe('the sample', () => {
  const redis = spawnSync('redis-server', ['--version']).status === 0;
  for (const [file, check] of Object.entries(CHECKS)) {
    test(file, async (t) => {
      if (file === 'redis.ts' && !redis) {
        if (process.env.CI) assert.fail('redis-server is missing');
        t.skip('redis-server is missing');
        return;
      }
      if (file === 'redis.ts') process.env.REDIS_URL = await startRedis(t);
      if (file === 'webhooks.test.ts') return await check({}, t);
      await check(await import(pathToFileURL(join(project, file)).href), t);
    });
  }
});

test('the commands register a receiver on this machine and send it a test event', async (t) => {
  const server = await startTestServer(t);
  const handled: string[] = [];
  const receiver = createReceiver({ secrets: 'your_webhook_secret' });
  receiver.on('*', ({ type }) => handled.push(type));
  const url = await listening(t, nodeHandler(receiver));
  const taken = (pattern: RegExp) =>
    commands
      .take(pattern)
      .replaceAll('http://127.0.0.1:4900', server.url)
      .replaceAll('http://127.0.0.1:3000', url)
      .replaceAll('YOUR_API_KEY', server.key);
  const [register, send] = [taken(/"url"/), taken(/\/test /)];
  const webhook: { id: string } = JSON.parse(await bash(register));
  const answer = JSON.parse(await bash(send.replaceAll('YOUR_WEBHOOK_ID', webhook.id)));
  assert.equal(answer.status, 'delivered', JSON.stringify(answer));
  assert.deepEqual(handled, ['webhook.test']);
});

test('the command for types writes a file of nothing else', async (t) => {
  const server = await startTestServer(t);
  const file = join(project, 'written.d.ts');
  await bash(commands.take(/-- types/).replace('events.d.ts', `'${file}'`), {
    POSTHORN_URL: server.url,
    POSTHORN_API_KEY: server.key,
  });
  assert.match(readFileSync(file, 'utf8'), /^\/\/ Made by .+'user\.updated': .+;\n}\n$/s);
});

test('troubleshooting has a row for every code, with its status', () => {
  const rows = [...page.matchAll(/^\| (`[a-z_`, ]+) \| (\d+) \|/gm)].flatMap(
    ([, codes = '', status]) =>
      codes.split(', ').map((code) => [code.replaceAll('`', ''), Number(status)]),
  );
  const table = Object.entries(VERIFICATION_ERRORS).map(([code, { status }]) => [code, status]);
  assert.deepEqual(Object.fromEntries(rows), Object.fromEntries(table));
});

let events = 0;

async function greets(app: Deliverable, t: TestContext): Promise<void> {
  const lines = told(t);
  const request = await signedRequest({ ...USER, id: `evt_greeted${++events}` } as TestEvent);
  const answer = await deliver(app, request);
  assert.deepEqual([answer.status, answer.body], [200, 'OK']);
  assert.deepEqual(lines, SAID);
}

/** The samples of stores have no handlers, which come from elsewhere. */
async function remembers(receiver: unknown): Promise<void> {
  const request = await signedRequest({ id: `evt_remembered${++events}` });
  const app = receiver as Receiver<AnyEvents>;
  app.onUnhandled(() => {});
  assert.equal((await deliver(app, request)).body, 'OK');
  assert.equal((await deliver(app, request)).body, 'OK, already handled');
}

/** What the sample writes to the console, a line each. */
function told(t: TestContext): string[] {
  const lines: string[] = [];
  const keep = (...parts: unknown[]) => void lines.push(parts.join(' '));
  t.mock.method(console, 'log', keep);
  t.mock.method(console, 'error', keep);
  return lines;
}

async function listening(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function startRedis(t: TestContext): Promise<string> {
  const socket = join(project, 'redis.sock');
  const options = ['--port', '0', '--unixsocket', socket, '--dir', project, '--save', ''];
  const child = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(async () => {
    child.kill();
    if (child.exitCode === null) await once(child, 'exit');
  });
  for await (const line of child.stdout.setEncoding('utf8')) {
    if (String(line).includes('accept connections')) break;
  }
  return socket;
}

/** Not `spawnSync`: the server that is asked runs in this process. */
async function bash(command: string, environment: NodeJS.ProcessEnv = {}): Promise<string> {
  const child = spawn('bash', ['-c', command], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return output;
}

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks = await Array.fromAsync(stream);
  return Buffer.concat(chunks).toString();
}
