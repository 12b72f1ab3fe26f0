import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { createWebhook } from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestServer, type TestServer } from '../support/start-test-server.ts';
import { within } from '../support/until.ts';

test('a call in progress is still answered while the server stops', async (t) => {
  const server = await startTestServer(t, { attemptTimeoutMs: 500 });
  const receiver = await startReceiver(t, { otherwise: { kind: 'hang' } });
  const { id } = await createWebhook(server, { url: receiver.url });
  const testCall = server.request('POST', `/v1/webhooks/${id}/test`);
  await receiver.next();
  await server.stop();
  const { status, body } = await testCall;
  assert.deepEqual([status, body.status], [200, 'failed']);
});

test('a request that is complete only when the server stops is answered with 503', async (t) => {
  const server = await startTestServer(t);
  const socket = await connectTo(server);
  const request = requestOf(server, 'GET', '/v1/webhooks');
  socket.write(request.slice(0, -2));
  // Its answer shows that what was written before has been read too.
  await server.request('GET', '/healthz');
  const stopped = server.stop();
  socket.write(request.slice(-2));
  const answer = await within('the connection is closed', text(socket));
  await stopped;

  assert.match(answer, /^HTTP\/1\.1 503 /);
  assert.match(answer, /^content-type: application\/problem\+json/im);
  assert.match(answer, /^x-request-id: req_/im);
  assert.match(answer, /^connection: close/im);
  assert.match(answer, /"code":"draining"/);
});

test('after it has stopped, a server can be stopped again', async (t) => {
  const server = await startTestServer(t);
  await server.stop();
  await server.stop();
  await assert.rejects(server.request('GET', '/healthz'));
});

async function connectTo(server: TestServer) {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  return socket;
}

function requestOf(server: TestServer, method: string, path: string): string {
  const { host } = new URL(server.url);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host}`,
    `Authorization: Bearer ${server.key}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}
