// Types every command that the documents show, as a terminal would, against servers of its own.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { createWebhook } from '../support/api.ts';
import { freshDatabase } from '../support/postgres.ts';
import { startReceiver, type TestReceiver } from '../support/receiver.ts';
import { startTestServer, type TestServer } from '../support/start-test-server.ts';
import type { RunningProcess } from '../system/support/child-process.ts';
import { SERVE_KEYS, temporaryDirectory } from '../system/support/server-process.ts';
import { outputOf, root, startShell } from './support/shell.ts';
import { snippetsOf } from './support/snippets.ts';

const START_MS_MAX = 45_000;

describe('README.md', () => {
  const commands = snippetsOf('README.md', 'bash');

  test('starts a server to try, and registers a webhook with its key', async (t) => {
    const started = startShell(t, commands.take(/^npm start$/m), { environment: places(t) });
    const url = await urlOf(started);
    const [, key = ''] = await started.output(/^ +API key +(phk_\w+)$/m);
    const answer = await outputOf(t, adapted(commands.take(/^curl/), { url, key }));
    assert.match(JSON.parse(answer).id, /^wh_/);
    await interrupt(started);
  });

  test('starts a server for production', async (t) => {
    const command = commands.take(/-- serve$/m);
    // It names a data directory below the home directory.
    const environment = { ...places(t), HOME: temporaryDirectory(t) };
    const started = startShell(t, command, { environment });
    assert.equal((await fetch(`${await urlOf(started)}/readyz`)).status, 200);
    await interrupt(started);
  });

  test('tests as continuous integration does', () => {
    // Run here it would run itself.
    const command = commands.take(/^npm test$/m).trim();
    assert.ok(readFileSync(join(root, '.ci/run'), 'utf8').split('\n').includes(command));
  });
});

describe('docs/authentication.md', () => {
  const commands = snippetsOf('docs/authentication.md', 'bash');
  const samples = snippetsOf('docs/authentication.md', 'js');

  test('shows how a key is sent', async (t) => {
    const server = await startTestServer(t);
    const answer = await outputOf(t, adapted(commands.take(/^curl/), server));
    assert.deepEqual(JSON.parse(answer).data, []);
    const program = adapted(samples.take(/POSTHORN_API_KEY/), server);
    const environment = { POSTHORN_API_KEY: server.key, SAMPLE: program };
    const said = await outputOf(t, `'${process.execPath}' -e "$SAMPLE"`, { environment });
    assert.equal(said, '200\n');
  });

  test('makes a root key that a server takes', async (t) => {
    const key = (await outputOf(t, commands.take(/^openssl/))).trim();
    const server = await startTestServer(t, { rootKey: key });
    const authorization = { Authorization: `Bearer ${key}` };
    const answer = await server.request('GET', '/v1/webhooks', undefined, authorization);
    assert.equal(answer.status, 200);
  });
});

const configuration = snippetsOf('docs/configuration.md', 'bash');

test('docs/configuration.md shows every setting of a server', async (t) => {
  const [command = ''] = configuration.takeAll();
  const said = await outputOf(t, command, { environment: SERVE_KEYS });
  assert.match(said, /^POSTHORN_PORT +4900 +default$/m);
  assert.match(said, /^POSTHORN_ROOT_KEY +set +environment$/m);
});

describe('docs/postgresql.md', () => {
  const commands = snippetsOf('docs/postgresql.md', 'bash');

  test('migrates a database, starts a server on it, and says what it lacks to be distributed', async (t) => {
    const database = await freshDatabase(t);
    const environment = { ...places(t), POSTHORN_DATABASE_URL: database };
    const [status = '', ...migrations] = commands
      .take(/migrate --status/)
      .trim()
      .split('\n');
    const before = startShell(t, status, { environment });
    assert.deepEqual(await before.end(), { code: 1, signal: null });
    for (const command of migrations) await outputOf(t, command, { environment });
    assert.doesNotMatch(await outputOf(t, status, { environment }), /is missing/);

    const distribute = startShell(t, commands.take(/--distribute/), { environment });
    assert.deepEqual(await distribute.end(), { code: 1, signal: null });
    assert.match(distribute.stderr, /no extension "citus"/);

    const serve = commands.take(/-- serve$/m).replace(/postgres:[^"]+/, database);
    const started = startShell(t, serve, { environment: places(t) });
    assert.equal((await fetch(`${await urlOf(started)}/readyz`)).status, 200);
    await interrupt(started);
  });
});

describe('docs/rest-api.md', () => {
  const commands = snippetsOf('docs/rest-api.md', 'bash');
  const samples = snippetsOf('docs/rest-api.md', 'python');

  test('shows calls that succeed as they stand', async (t) => {
    const { server, receiver, webhook } = await registered(t);
    const typed = async (pattern: RegExp) =>
      JSON.parse(
        await outputOf(t, adapted(commands.take(pattern), { ...server, receiver, webhook })),
      );
    assert.deepEqual((await typed(/POST \S+\/v1\/webhooks \\/)).events, ['project.*']);
    assert.equal((await typed(/\/recover/)).status, 'running');
    const { id } = await typed(/POST \S+\/v1\/events/);
    assert.equal((await receiver.ofEvent(id)).header('X-Webhook-Event'), 'user.created');
    assert.equal((await typed(/PATCH/)).status, 'disabled');
    assert.equal((await typed(/event-types/)).name, 'invoice.paid');
  });

  test('generates a client from the document of a server', async (t) => {
    const { url } = await startTestServer(t);
    const folder = temporaryDirectory(t);
    const command = adapted(commands.take(/openapi-typescript/), { url, key: '' });
    // There the generator is installed, so that npx fetches nothing.
    const there = command.replace('posthorn.d.ts', join(folder, 'posthorn.d.ts'));
    await outputOf(t, there, { cwd: join(root, 'server') });
    assert.match(readFileSync(join(folder, 'posthorn.d.ts'), 'utf8'), /createWebhook: \{/);
  });

  test('publishes once and reads a list to its end in Python', async (t) => {
    const server = await startTestServer(t);
    const environment = { SAMPLE: adapted(samples.take(/def pages/), server) };
    assert.equal(await outputOf(t, 'python3 -c "$SAMPLE"', { environment }), 'True\n9\n');
  });
});

describe('docs/webhooks.md', () => {
  const commands = snippetsOf('docs/webhooks.md', 'bash');

  test('shows calls that succeed as they stand', async (t) => {
    const { server, receiver, webhook } = await registered(t);
    const typed = async (pattern: RegExp) =>
      JSON.parse(
        await outputOf(t, adapted(commands.take(pattern), { ...server, receiver, webhook })),
      );
    assert.match((await typed(/POST \S+\/v1\/webhooks \\/)).secret, /^whsec_/);
    assert.notEqual((await typed(/secret\/rotate/)).previous_secret_until, null);
    assert.equal((await typed(/\/recover/)).status, 'running');
  });
});

interface Place extends Pick<TestServer, 'url' | 'key'> {
  receiver?: TestReceiver;
  webhook?: string;
}

/** With what a reader puts in the place of examples. */
function adapted(text: string, { url, key, receiver, webhook }: Place): string {
  const today = new Date().toISOString().slice(0, 10);
  const yesterday = new Date(Date.now() - 24 * 60 * 60_000).toISOString().slice(0, 10);
  return text
    .replaceAll('http://127.0.0.1:4900', url)
    .replaceAll('YOUR_API_KEY', key)
    .replaceAll('https://yourdomain.com/webhooks', receiver?.url ?? 'https://example.com/')
    .replace(/\bwh_\w+/g, webhook ?? 'wh_none')
    .replaceAll('2026-11-23T', `${yesterday}T`)
    .replaceAll('2026-11-24T', `${today}T`);
}

async function registered(t: TestContext) {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t);
  const { id } = await createWebhook(server, { url: receiver.url, events: ['user.*'] });
  return { server, receiver, webhook: id };
}

/** Data and a port of its own, so that what runs on this machine already is left alone. */
function places(t: TestContext): Record<string, string> {
  return {
    POSTHORN_PORT: '0',
    POSTHORN_HOST: '127.0.0.1',
    POSTHORN_DATA_DIR: temporaryDirectory(t),
  };
}

async function urlOf(started: RunningProcess): Promise<string> {
  const pattern = /^Posthorn is (?:running|serving) at (http:\/\/\S+)/m;
  const [, url = ''] = await started.output(pattern, START_MS_MAX);
  return url;
}

async function interrupt(started: RunningProcess): Promise<void> {
  started.killGroup('SIGINT');
  assert.equal((await started.end()).code, 0, started.stderr);
}
