import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { expectStatus } from '../support/api.ts';
import { startTestServer } from '../support/start-test-server.ts';

const server = await startTestServer({ after });
const WITHOUT_KEY = { Authorization: undefined };

test('/healthz answers that the process runs, without a key', async () => {
  const answer = await server.request('GET', '/healthz', undefined, WITHOUT_KEY);
  assert.deepEqual(expectStatus(200, answer), { status: 'ok' });
});

test('/readyz answers that requests can be taken, without a key', async () => {
  const answer = await server.request('GET', '/readyz', undefined, WITHOUT_KEY);
  assert.deepEqual(expectStatus(200, answer), { status: 'ready' });
});
