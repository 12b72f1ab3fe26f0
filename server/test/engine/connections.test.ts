import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Exchange } from '../../src/core/ports.ts';
import { createGuardedConnect } from '../../src/engine/connect-guard.ts';
import { Connections } from '../../src/engine/connections.ts';
import { Names } from '../../src/engine/names.ts';
import { UndiciExchange } from '../../src/engine/undici-exchange.ts';
import { createAddressPolicy } from '../../src/platform/address-policy.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { systemLookUp } from '../../src/platform/look-ups.ts';
import { until } from '../support/until.ts';
import { answering, startRawReceiver } from './hostile/support/raw-receiver.ts';

test('origins are forgotten with their last connection, and connections when they are closed', async (t) => {
  const clock = systemClock;
  const names = new Names({ lookUp: systemLookUp, clock }, { lookUpsMax: 1 });
  const connect = createGuardedConnect(createAddressPolicy(['127.0.0.0/8']), names);
  const connections = new Connections(connect, { socketsMax: 100 });
  t.after(() => connections.close());
  const kept = answering('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  const closed = answering('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');

  const send = async (port: number): Promise<Exchange> => {
    const destination = { isTls: false, host: '127.0.0.1', port };
    const origin = { key: `http://127.0.0.1:${port}`, destination };
    const request = { path: '/', method: 'POST' as const, body: 'x' };
    const { promise, resolve } = Promise.withResolvers<Exchange>();
    new UndiciExchange({ connections, clock }, { origin, request }, resolve, undefined).begin();
    return await promise;
  };
  for (let count = 0; count < 20; count++) {
    const { port } = await startRawReceiver(t, closed);
    assert.equal((await send(port)).kind, 'response');
    assert.deepEqual([connections.size, connections.originCount], [0, 0]);
  }

  const receiver = await startRawReceiver(t, (socket, number) => {
    kept(socket, number);
    // Nothing is waited for on a connection that nobody uses; so it is the receiver who ends it.
    setTimeout(() => socket.destroy(), 200);
  });
  await send(receiver.port);
  assert.deepEqual([connections.size, connections.originCount], [1, 1]);
  await until('the idle connection is forgotten', async () => connections.size === 0);
  assert.equal(connections.originCount, 0);

  // One that was refused has never been open.
  assert.equal((await send(1)).kind, 'failure');
  assert.deepEqual([connections.size, connections.originCount], [0, 0]);
});
