import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { until } from '../support/until.ts';
import { RunningProcess } from './support/child-process.ts';
import { cleanUp } from './support/clean-up.ts';
import { hasCurl } from './support/curl.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';
import {
  type Api,
  cleanEnvironment,
  createApi,
  ENCRYPTION_KEY,
  launch,
  printedKey,
  ROOT_KEY,
  SERVE_KEYS,
  type ServerOptions,
  type ServerProcess,
  startServer,
  temporaryDirectory,
} from './support/server-process.ts';

const ENDED_WELL = { code: 0, signal: null };
const EVENT = { type: 'user.created', data: { id: 'usr_789' } };

describe('posthorn dev', () => {
  test('prints a curl line that works as it stands, and the page shows its delivery verified', async (t) => {
    if (!hasCurl(t)) return t.skip('curl is missing');
    const server = await startServer(t, { mode: 'dev', dataDir: temporaryDirectory(t) });
    const [, line = ''] = await server.process.output(/^ +(curl .+)$/m);

    const answer = JSON.parse(await outputOf(t, line));

    assert.match(answer.id, /^evt_/);
    const page = await until('the page shows the event', async () => {
      const text = await (await fetch(`${server.url}/`)).text();
      return text.includes(answer.id) && text;
    });
    assert.match(page, /<td class="verified">verified<\/td>/);
    assert.doesNotMatch(page, /<td class="refused">/);
  });

  test('prints the address, the key and where both are kept, and nothing on standard error', async (t) => {
    const dataDir = temporaryDirectory(t);
    const server = await startServer(t, { mode: 'dev', dataDir });
    const key = await printedKey(server);

    const { stdout, stderr } = server.process;
    assert.match(stdout, new RegExp(`^Posthorn is running at ${server.url}$`, 'm'));
    assert.match(stdout, new RegExp(`^ +Page +${server.url}/$`, 'm'));
    assert.ok(stdout.includes(join(dataDir, 'dev-api-key')));
    assert.ok(stdout.includes(join(dataDir, 'posthorn.db')));
    assert.match(key, /^phk_[0-9A-Za-z]{43}$/);
    assert.equal(stderr, '');
  });

  test('keeps its key and its data over a restart, the key readable by its owner alone', async (t) => {
    const dataDir = temporaryDirectory(t);
    const first = await startServer(t, { mode: 'dev', dataDir });
    const key = await printedKey(first);
    const { id } = await createApi(first.url, key).call('POST', '/v1/events', 202, EVENT);
    await stop(first);

    const second = await startServer(t, { mode: 'dev', dataDir });

    assert.equal(await printedKey(second), key);
    for (const file of ['dev-api-key', 'dev-encryption-key']) {
      assert.equal(statSync(join(dataDir, file)).mode & 0o777, 0o600, file);
    }
    const event = await createApi(second.url, key).call('GET', `/v1/events/${id}`, 200);
    assert.deepEqual(event.data, EVENT.data);
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`finishes what is in progress at ${signal} and exits 0`, async (t) => {
      const held = await holdOneDelivery(t);

      held.server.process.kill(signal);
      await held.server.process.output(/Stopping/);
      held.answer(200);

      assert.deepEqual(await held.server.process.end(), ENDED_WELL);
      await expectDelivered(t, held);
    });
  }

  test('takes two interrupts within a millisecond for one, as npm sends them', async (t) => {
    const held = await holdOneDelivery(t);

    held.server.process.kill('SIGINT');
    held.server.process.kill('SIGINT');
    await held.server.process.output(/Stopping/);
    held.server.process.kill('SIGINT');
    held.answer(200);

    assert.deepEqual(await held.server.process.end(), ENDED_WELL);
    await expectDelivered(t, held);
  });

  test('ends at once, with 130, at a second interrupt more than a second later', async (t) => {
    const { server } = await holdOneDelivery(t);

    server.process.kill('SIGINT');
    await server.process.output(/Stopping/);
    // The time between the signals is what this is about.
    await after(1_100);
    server.process.kill('SIGINT');

    assert.deepEqual(await server.process.end(2_000), { code: 130, signal: null });
  });

  test('gives up a receiver that hangs longer than the drain, which costs no attempt', async (t) => {
    const held = await holdOneDelivery(t);

    held.server.process.kill('SIGINT');

    assert.deepEqual(await held.server.process.end(), ENDED_WELL);
    held.answer(200);
    await expectDelivered(t, held);
  });

  test('refuses a second server on the same data, and the first goes on', async (t) => {
    const dataDir = temporaryDirectory(t);
    const first = await startServer(t, { mode: 'dev', dataDir });

    const second = launch(t, { mode: 'dev', dataDir });

    assert.deepEqual(await second.end(), { code: 1, signal: null });
    assert.match(second.stderr, /^Another Posthorn server \(process \d+ on .+\) is using .+\n$/);
    assert.ok(second.stderr.includes(`process ${first.process.pid} on`));
    assert.match(second.stderr, /POSTHORN_DATA_DIR/);
    await createApi(first.url, await printedKey(first)).call('POST', '/v1/events', 202, EVENT);
  });

  test('starts at once on the data of a server that was killed', async (t) => {
    const dataDir = temporaryDirectory(t);
    const first = await startServer(t, { mode: 'dev', dataDir });
    const key = await printedKey(first);
    const { id } = await createApi(first.url, key).call('POST', '/v1/events', 202, EVENT);
    first.process.kill('SIGKILL');
    await first.process.end();

    const second = await startServer(t, { mode: 'dev', dataDir });

    await createApi(second.url, key).call('GET', `/v1/events/${id}`, 200);
  });

  test('says which port is taken and how to choose another', async (t) => {
    const port = await takePort(t);

    const { stderr, code } = await refused(t, {
      mode: 'dev',
      environment: { POSTHORN_PORT: String(port) },
    });

    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`EADDRINUSE.+127\\.0\\.0\\.1:${port}\\. Choose another port`));
    assert.match(stderr, /POSTHORN_PORT/);
    assert.doesNotMatch(stderr, /^ +at /m, 'no stack');
  });

  test('sends nothing when its port is taken, whatever is due', async (t) => {
    const held = await holdOneDelivery(t);
    held.server.process.kill('SIGKILL');
    await held.server.process.end();

    const { code } = await refused(t, {
      mode: 'dev',
      dataDir: held.dataDir,
      environment: { POSTHORN_PORT: String(await takePort(t)) },
    });

    assert.equal(code, 1);
    assert.equal(held.receiver.arrivals.length, 1);
  });

  test('keeps nothing with sqlite::memory:', async (t) => {
    const dataDir = temporaryDirectory(t);
    const server = await startServer(t, {
      mode: 'dev',
      dataDir,
      environment: { POSTHORN_DATABASE_URL: 'sqlite::memory:' },
    });

    const api = createApi(server.url, await printedKey(server));
    const { id } = await api.call('POST', '/v1/events', 202, EVENT);
    await api.call('GET', `/v1/events/${id}`, 200);

    await stop(server);
    assert.ok(!existsSync(join(dataDir, 'posthorn.db')));
    assert.ok(!existsSync(join(dataDir, ':memory:')));
  });

  test('keeps its data where POSTHORN_DATABASE_URL says, in a folder that it makes', async (t) => {
    const dataDir = temporaryDirectory(t);
    const path = join(dataDir, 'elsewhere', 'mine.db');
    const server = await startServer(t, {
      mode: 'dev',
      dataDir,
      environment: { POSTHORN_DATABASE_URL: `sqlite:${path}` },
    });

    assert.ok(server.process.stdout.includes(path));
    await stop(server);
    assert.equal(readFileSync(path).subarray(0, 15).toString(), 'SQLite format 3');
    assert.ok(!existsSync(join(dataDir, 'posthorn.db')));
  });
});

describe('posthorn serve', () => {
  test('refuses to start without its keys and names both', async (t) => {
    const { stderr, code } = await refused(t, { mode: 'serve' });

    assert.equal(code, 2);
    assert.match(stderr, /^POSTHORN_ENCRYPTION_KEY is needed: .+$/m);
    assert.match(stderr, /^POSTHORN_ROOT_KEY is needed: .+$/m);
  });

  test('makes no key, no file and no page of its own', async (t) => {
    const dataDir = temporaryDirectory(t);
    const server = await startServer(t, { mode: 'serve', dataDir, environment: SERVE_KEYS });

    assert.equal((await fetch(`${server.url}/`)).status, 404);
    assert.ok(!existsSync(join(dataDir, 'dev-api-key')));
    assert.ok(!existsSync(join(dataDir, 'dev-encryption-key')));
    assert.ok(!server.process.stdout.includes(ROOT_KEY));
    const { data } = await createApi(server.url, ROOT_KEY).call('GET', '/v1/webhooks', 200);
    assert.deepEqual(data, []);
    await stop(server);
  });

  test('refuses webhooks at private addresses and over plain http', async (t) => {
    const dataDir = temporaryDirectory(t);
    const { url } = await startServer(t, { mode: 'serve', dataDir, environment: SERVE_KEYS });
    const api = createApi(url, ROOT_KEY);

    assert.equal(await refusalOf(api, 'https://127.0.0.1/webhooks'), 'address_not_allowed');
    assert.equal(await refusalOf(api, 'https://[::1]/webhooks'), 'address_not_allowed');
    assert.equal(await refusalOf(api, 'https://192.168.1.1/webhooks'), 'address_not_allowed');
    assert.equal(await refusalOf(api, 'http://example.com/webhooks'), 'scheme_not_allowed');
  });

  test('takes webhooks at private addresses and over plain http where that is allowed', async (t) => {
    const receiver = await startReceiver(t, () => 200);
    const dataDir = temporaryDirectory(t);
    const { url } = await startServer(t, {
      mode: 'serve',
      dataDir,
      environment: {
        ...SERVE_KEYS,
        POSTHORN_ALLOW_NETWORKS: '127.0.0.0/8',
        POSTHORN_ALLOW_HTTP: 'true',
      },
    });
    const api = createApi(url, ROOT_KEY);

    await subscribe(api, receiver);
    await api.call('POST', '/v1/events', 202, EVENT);

    await receiver.hasReceived(1);
    assert.equal(await refusalOf(api, 'http://192.168.1.1/webhooks'), 'address_not_allowed');
  });

  test('refuses an unknown setting and suggests the one that was meant', async (t) => {
    const { stderr, code } = await refused(t, {
      mode: 'serve',
      environment: { ...SERVE_KEYS, POSTHORN_ALLOW_NETWORK: '10.0.0.0/8' },
    });

    assert.equal(code, 2);
    assert.equal(
      stderr,
      'POSTHORN_ALLOW_NETWORK is not a setting. Did you mean POSTHORN_ALLOW_NETWORKS?\n',
    );
  });

  test('names every bad value at once', async (t) => {
    const bad = {
      POSTHORN_PORT: '65536',
      POSTHORN_ROOT_KEY: 'short',
      POSTHORN_ENCRYPTION_KEY: 'AAAA',
      POSTHORN_RETRY_SCHEDULE: '0s,1y',
      POSTHORN_ATTEMPT_TIMEOUT: '0s',
      POSTHORN_ALLOW_NETWORKS: '10.0.0.0/33',
      POSTHORN_ALLOW_HTTP: 'yes',
      POSTHORN_LOG_LEVEL: 'loud',
      POSTHORN_PRODUCT_NAME: 'my product',
      POSTHORN_DATABASE_URL: 'mysql://127.0.0.1/posthorn',
    };

    const { stderr, code } = await refused(t, { mode: 'serve', environment: bad });

    assert.equal(code, 2);
    const named = stderr
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0]);
    assert.deepEqual(named.toSorted(), Object.keys(bad).toSorted());
    assert.ok(!stderr.includes('short'), 'a secret is not repeated');
  });

  test('refuses data that was written with another encryption key', async (t) => {
    const dataDir = temporaryDirectory(t);
    await stop(await startServer(t, { mode: 'serve', dataDir, environment: SERVE_KEYS }));
    const otherKey = Buffer.alloc(32, 8).toString('base64');

    const { stderr, code } = await refused(t, {
      mode: 'serve',
      dataDir,
      environment: { ...SERVE_KEYS, POSTHORN_ENCRYPTION_KEY: otherKey },
    });

    assert.equal(code, 1);
    assert.match(stderr, /^This data was encrypted with another key: .+\n$/);
    assert.ok(!stderr.includes(otherKey) && !stderr.includes(ENCRYPTION_KEY));
  });
});

interface HeldDelivery {
  server: ServerProcess;
  receiver: Receiver;
  key: string;
  dataDir: string;
  webhookId: string;
  /** Lets the receiver answer; until then it hangs. */
  answer: (status: number) => void;
}

/** A server in the middle of one delivery: its receiver has the request and does not answer yet. */
async function holdOneDelivery(t: TestContext): Promise<HeldDelivery> {
  const { promise, resolve: answer } = Promise.withResolvers<number>();
  const receiver = await startReceiver(t, () => promise);
  const dataDir = temporaryDirectory(t);
  const server = await startServer(t, { mode: 'dev', dataDir });
  const key = await printedKey(server);
  const api = createApi(server.url, key);
  const webhookId = await subscribe(api, receiver);
  await api.call('POST', '/v1/events', 202, EVENT);
  await receiver.hasReceived(1);
  return { server, receiver, key, dataDir, webhookId, answer };
}

/** After a restart: it was delivered, with the first attempt. */
async function expectDelivered(t: TestContext, held: HeldDelivery): Promise<void> {
  const { dataDir, key, webhookId } = held;
  const { url } = await startServer(t, { mode: 'dev', dataDir });
  const api = createApi(url, key);
  const delivery = await until('the delivery is delivered', async () => {
    const { data } = await api.call('GET', `/v1/webhooks/${webhookId}/deliveries`, 200);
    const [newest] = data as { status: string; attempt_count: number }[];
    // A delivery that failed waits a minute for its next attempt: that is an answer too.
    return newest !== undefined && newest.attempt_count > 0 && newest;
  });
  assert.equal(delivery.status, 'delivered');
  assert.equal(delivery.attempt_count, 1);
}

async function subscribe(api: Api, { url }: Receiver): Promise<string> {
  const webhook = await api.call('POST', '/v1/webhooks', 201, { url, events: ['user.created'] });
  return String(webhook.id);
}

/** The code of the one fault with which a webhook's URL is refused. */
async function refusalOf(api: Api, url: string): Promise<unknown> {
  const problem = await api.call('POST', '/v1/webhooks', 422, { url, events: ['user.created'] });
  const faults = problem.errors as { pointer: string; code: string }[];
  assert.deepEqual(
    faults.map(({ pointer }) => pointer),
    ['/url'],
  );
  return faults[0]?.code;
}

/** Runs the program to its end, which is to come by itself. */
async function refused(
  t: TestContext,
  options: Omit<ServerOptions, 'dataDir'> & { dataDir?: string },
): Promise<{ stderr: string; code: number | null }> {
  const launched = launch(t, { dataDir: temporaryDirectory(t), ...options });
  const { code } = await launched.end();
  assert.equal(launched.stdout, '');
  return { stderr: launched.stderr, code };
}

async function stop({ process }: ServerProcess): Promise<void> {
  process.kill('SIGINT');
  assert.deepEqual(await process.end(), ENDED_WELL);
}

async function takePort(t: TestContext): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  cleanUp(t, () => void server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

/** What a shell prints for a line that somebody pastes. */
async function outputOf(t: TestContext, line: string): Promise<string> {
  const args = ['-c', line];
  const shell = new RunningProcess({ command: 'sh', args, environment: cleanEnvironment() });
  cleanUp(t, () => shell.kill('SIGKILL'));
  assert.deepEqual(await shell.end(), ENDED_WELL, shell.stderr);
  return shell.stdout;
}
