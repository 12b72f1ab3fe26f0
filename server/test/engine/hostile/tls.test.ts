import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { before, describe, type TestContext, test } from 'node:test';
import {
  createServer,
  getCACertificates,
  setDefaultCACertificates,
  type TLSSocket,
} from 'node:tls';
import { type OpenTransport, openTransport } from './support/open-transport.ts';
import { answering, startRawReceiver } from './support/raw-receiver.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok';
/** For `localhost` and `good.example`, signed by itself; valid until 2126. */
const certificate = readFileSync(new URL('support/certificate/certificate.pem', import.meta.url));
const key = readFileSync(new URL('support/certificate/key.pem', import.meta.url));
const TLS_FAILED = { kind: 'failure', failure: 'tls_failed', note: null };

before(() => setDefaultCACertificates([...getCACertificates(), certificate.toString()]));

describe('over TLS', () => {
  test('what is answered is delivered; the session is taken up again', async (t) => {
    const { url, resumed } = await startTlsReceiver(t);
    const transport = openNamed(t);
    for (let count = 0; count < 3; count++) {
      const exchange = await transport.send(url('localhost'));
      assert.ok(exchange.kind === 'response' && exchange.status === 200);
    }
    assert.deepEqual(resumed, [false, true, true]);
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`a certificate for another name is refused, however often it is tried (${version})`, async (t) => {
      const { url, resumed } = await startTlsReceiver(t, version);
      const transport = openNamed(t);
      for (let count = 0; count < 3; count++) {
        assert.deepEqual(await transport.send(url('example.com')), TLS_FAILED);
      }
      // One name may not take up what another has begun.
      assert.equal((await transport.send(url('good.example'))).kind, 'response');
      assert.deepEqual(await transport.send(url('example.com')), TLS_FAILED);
      assert.equal(resumed.includes(true), false);
    });
  }

  test('a certificate that nobody vouches for is refused', async (t) => {
    setDefaultCACertificates([]);
    t.after(() => setDefaultCACertificates([certificate.toString()]));
    const { url } = await startTlsReceiver(t);
    assert.deepEqual(await openNamed(t).send(url('localhost')), TLS_FAILED);
  });

  test('a receiver that speaks HTTP without TLS is refused', async (t) => {
    const { port } = await startRawReceiver(t, answering(OK));
    const exchange = await openNamed(t).send(new URL(`https://localhost:${port}/`));
    assert.deepEqual(exchange, TLS_FAILED);
  });

  test('a receiver that accepts and never speaks TLS is given up at the deadline', async (t) => {
    const receiver = await startRawReceiver(t, () => {});
    const url = new URL(`https://localhost:${receiver.port}/`);
    const beganAt = performance.now();
    const exchange = await openNamed(t).send(url, { deadlineMs: 300 });
    assert.deepEqual(exchange, { kind: 'failure', failure: 'timeout', note: null });
    assert.ok(performance.now() - beganAt < 1_000);
    await receiver.allClosed();
  });

  test('a receiver that resets the handshake is tried once', async (t) => {
    const receiver = await startRawReceiver(t, (socket) =>
      socket.once('data', () => socket.resetAndDestroy()),
    );
    const exchange = await openNamed(t).send(new URL(`https://localhost:${receiver.port}/`));
    assert.deepEqual(exchange, { kind: 'failure', failure: 'connection_reset', note: null });
    assert.equal(receiver.connections(), 1);
  });

  test('a body that the receiver does not read ends at the deadline', async (t) => {
    const { url } = await startTlsReceiver(t, 'TLSv1.3', (socket) => socket.pause());
    const body = Buffer.alloc(32 * 1024 * 1024);
    const exchange = await openNamed(t).send(url('localhost'), { body, deadlineMs: 500 });
    assert.deepEqual(exchange, { kind: 'failure', failure: 'timeout', note: null });
  });
});

/** Every name leads to this machine. */
function openNamed(t: TestContext): OpenTransport {
  return openTransport(t, {
    lookUp: (_, resolved) => resolved(null, [{ address: '127.0.0.1', family: 4 }]),
  });
}

async function startTlsReceiver(
  t: TestContext,
  maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3',
  behave: (socket: TLSSocket) => void = (socket) => socket.on('data', () => socket.end(OK)),
) {
  const resumed: boolean[] = [];
  const connections = new Set<Socket>();
  const server = createServer({ key, cert: certificate, maxVersion }, (socket) => {
    socket.on('error', () => {});
    resumed.push(socket.isSessionReused());
    behave(socket);
  });
  server.on('tlsClientError', () => {});
  // Not `secureConnection`: on a busy machine the deadline may come before the end of the handshake.
  server.on('connection', (connection: Socket) => connections.add(connection));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  t.after(async () => {
    const closed = once(server, 'close');
    server.close();
    for (const connection of connections) connection.destroy();
    await closed;
  });
  return { url: (host: string) => new URL(`https://${host}:${port}/webhooks`), resumed };
}
