import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { createWebhook, expectStatus, type ProblemBody, publish } from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestServer } from '../support/start-test-server.ts';

test('a publish that cannot be committed is answered with 503, and nothing is sent', async (t) => {
  const { server, whileLocked } = await startOnFile(t);
  const receiver = await startReceiver(t);
  await createWebhook(server, { url: receiver.url });
  await publish(server);
  await receiver.received(1);

  const event = { type: 'user.created', data: {} };
  const refused = await whileLocked(() => server.request<ProblemBody>('POST', '/v1/events', event));
  assert.equal(expectStatus(503, refused).code, 'store_unavailable');
  assert.match(refused.headers.get('Retry-After') ?? '', /^\d+$/);

  const later = await publish(server);
  await receiver.ofEvent(later.id);
  assert.equal(receiver.requests.length, 2);
});

test('a webhook that cannot be committed is answered with 503 and does not exist', async (t) => {
  const { server, whileLocked } = await startOnFile(t);
  const webhook = { url: 'https://example.com/', events: ['*'] };
  const answer = await whileLocked(() => server.request('POST', '/v1/webhooks', webhook));
  expectStatus(503, answer);
  const list = await server.request('GET', '/v1/webhooks');
  assert.deepEqual(expectStatus(200, list).data, []);
});

test('/readyz answers 503 while nothing can be committed, and 200 afterwards', async (t) => {
  const { server, whileLocked } = await startOnFile(t);
  const answer = await whileLocked(() => server.request<ProblemBody>('GET', '/readyz'));
  assert.equal(expectStatus(503, answer).code, 'store_unavailable');
  expectStatus(200, await server.request('GET', '/readyz'));
});

test('/healthz and reads answer 200 while nothing can be committed', async (t) => {
  const { server, whileLocked } = await startOnFile(t);
  const { id } = await createWebhook(server, { url: 'https://example.com/' });
  await whileLocked(async () => {
    expectStatus(200, await server.request('GET', '/healthz'));
    expectStatus(200, await server.request('GET', `/v1/webhooks/${id}`));
  });
});

/** A server on a file that another connection can lock, as a full or failing disk would. */
async function startOnFile(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-http-'));
  const path = join(directory, 'posthorn.db');
  const environment = { POSTHORN_DATABASE_URL: `sqlite:${path}` };
  const server = await startTestServer(t, { environment });
  t.after(() => rmSync(directory, { recursive: true }));

  const whileLocked = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    const other = new DatabaseSync(path, { timeout: 5_000 });
    other.exec('begin immediate');
    try {
      return await work();
    } finally {
      other.exec('rollback');
      other.close();
    }
  };
  return { server, whileLocked };
}
