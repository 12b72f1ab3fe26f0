import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openTransport } from './support/open-transport.ts';
import { answering, startRawReceiver } from './support/raw-receiver.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

describe('connections', () => {
  test('to one receiver are as many as there are exchanges at once, and are used again', async (t) => {
    const waiting: (() => void)[] = [];
    const receiver = await startRawReceiver(t, (socket) =>
      socket.on('data', () => {
        waiting.push(() => socket.write(OK));
        // None is answered before all of them are there.
        if (waiting.length === 64) for (const answer of waiting.splice(0)) answer();
      }),
    );
    const transport = openTransport(t);
    for (let round = 0; round < 3; round++) {
      const exchanges = Array.from({ length: 64 }, () => transport.send(receiver.url));
      assert.ok((await Promise.all(exchanges)).every(({ kind }) => kind === 'response'));
    }
    assert.equal(receiver.connections(), 64);
  });

  test('beyond the bound are not made: nothing is sent', async (t) => {
    const hanging = await startRawReceiver(t, () => {});
    const other = await startRawReceiver(t, answering(OK));
    const transport = openTransport(t, { socketsMax: 3 });
    const inUse = Array.from({ length: 3 }, () => transport.send(hanging.url, { deadlineMs: 300 }));
    assert.deepEqual(await transport.send(other.url), { kind: 'not_sent' });
    assert.equal(other.connections(), 0);
    await Promise.all(inUse);
    assert.equal((await transport.send(other.url)).kind, 'response');
  });

  test('that are idle give way at the bound, the one used least recently first', async (t) => {
    const transport = openTransport(t, { socketsMax: 2 });
    const receivers = [];
    for (let count = 0; count < 3; count++) {
      receivers.push(await startRawReceiver(t, answering(OK)));
    }
    const [first, second, third] = receivers;
    assert.ok(first && second && third);
    for (const { url } of [first, second, first, third]) await transport.send(url);
    await second.allClosed();
    assert.deepEqual([first.open(), third.open()], [1, 1]);
  });

  test('are closed with the transport, also those in use', async (t) => {
    const receiver = await startRawReceiver(t, () => {});
    const idle = await startRawReceiver(t, answering(OK));
    const transport = openTransport(t);
    await transport.send(idle.url);
    const inUse = transport.send(receiver.url, { deadlineMs: 1_000 });
    await new Promise(setImmediate);
    await transport.close();
    await Promise.all([receiver.allClosed(), idle.allClosed()]);
    assert.equal((await inUse).kind, 'failure');
  });

  test('are not made any more when the transport is closed, also not to send once more', async (t) => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    const receiver = await startRawReceiver(t, (socket) =>
      socket.once('data', () => {
        socket.write(OK);
        socket.once('data', resolve);
      }),
    );
    const transport = openTransport(t);
    await transport.send(receiver.url);
    const second = transport.send(receiver.url);
    await asked;
    await transport.close();
    assert.equal((await second).kind, 'failure');
    assert.deepEqual(await transport.send(receiver.url), { kind: 'not_sent' });
    assert.equal(receiver.connections(), 1);
  });
});

test('an exchange for which this machine has no descriptor left is not sent', async () => {
  const file = fileURLToPath(new URL('support/without-descriptors.ts', import.meta.url));
  const { stdout } = await promisify(execFile)('/bin/sh', [
    '-c',
    'ulimit -n 128 && exec "$0" "$1"',
    process.execPath,
    file,
  ]);
  assert.deepEqual(JSON.parse(stdout), ['not_sent', 'not_sent', 'response']);
});
