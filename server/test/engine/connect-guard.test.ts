import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AddressPolicy } from '../../src/core/ports.ts';
import type { LookUp, ResolvedAddress } from '../../src/engine/names.ts';
import { TARGETS } from '../core/support/url-spellings.ts';
import { openTransport } from './hostile/support/open-transport.ts';
import { answering, startRawReceiver } from './hostile/support/raw-receiver.ts';

const OK = answering('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
const BLOCKED = { kind: 'failure', failure: 'blocked', note: null };
const LOOPBACK = { address: '127.0.0.1', family: 4 };

describe('nothing is connected to', () => {
  const hosts = ['127.0.0.1', '127.1', '0x7f.1', '2130706433', '017700000001', '[::1]'];
  hosts.push('[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '169.254.169.254', '[fe80::1]', '0.0.0.0');
  for (const host of hosts) {
    test(`when the URL names a blocked address: ${host}`, async (t) => {
      const receiver = await startRawReceiver(t, OK);
      const transport = openTransport(t, { allowNetworks: [] });
      assert.deepEqual(await transport.send(new URL(`http://${host}:${receiver.port}/`)), BLOCKED);
      assert.equal(receiver.connections(), 0);
    });
  }

  const answers: [what: string, addresses: ResolvedAddress[]][] = [
    ['a blocked address', [{ address: '10.0.0.1', family: 4 }]],
    ['an allowed and a blocked one', [LOOPBACK, { address: '10.0.0.1', family: 4 }]],
    [
      'an allowed one and a blocked one of the other family',
      [LOOPBACK, { address: 'fc00::1', family: 6 }],
    ],
    [
      'an allowed one and one with another inside',
      [LOOPBACK, { address: '::ffff:10.0.0.1', family: 6 }],
    ],
    ['the metadata of a cloud', [{ address: '169.254.169.254', family: 4 }]],
    [
      '500 addresses, the last of them blocked',
      [...Array(499).fill(LOOPBACK), { address: '192.168.1.1', family: 4 }],
    ],
    ['what is no address', [{ address: 'localhost', family: 4 }]],
  ];
  for (const [what, addresses] of answers) {
    test(`when the name leads to ${what}`, async (t) => {
      const receiver = await startRawReceiver(t, OK);
      const transport = openTransport(t, { lookUp: (_, resolved) => resolved(null, addresses) });
      const url = new URL(`http://a.example:${receiver.port}/`);
      assert.deepEqual(await transport.send(url), BLOCKED);
      // What is kept of the name is judged again.
      assert.deepEqual(await transport.send(url), BLOCKED);
      assert.equal(receiver.connections(), 0);
    });
  }

  for (const target of TARGETS) {
    test(`when ${target} is anywhere among the addresses of a name`, async (t) => {
      const bad = { address: target, family: 4 };
      const good = { address: '127.0.0.2', family: 4 };
      const many = Array<ResolvedAddress>(250).fill(good);
      const answers = [[bad], [good, bad], [bad, good], [...many, bad, ...many]];
      for (const addresses of answers) {
        const lookUp: LookUp = (_, resolved) => resolved(null, addresses);
        const transport = openTransport(t, { lookUp, allowNetworks: ['127.0.0.2/32'] });
        assert.deepEqual(await transport.send(new URL('http://a.example:1/')), BLOCKED);
      }
    });
  }

  test('when the name leads nowhere', async (t) => {
    const lookUp: LookUp = (_, resolved) => resolved(null, []);
    const exchange = await openTransport(t, { lookUp }).send(new URL('http://a.example/'));
    assert.equal(exchange.kind, 'failure');
  });
});

test('a name is resolved once, and the connection goes to the address that was judged', async (t) => {
  const receiver = await startRawReceiver(t, OK);
  const asked: string[] = [];
  const lookUp: LookUp = (hostname, resolved) => {
    asked.push(hostname);
    // The second time it would lead into the network.
    const address = asked.length === 1 ? '127.0.0.1' : '10.0.0.1';
    resolved(null, [{ address, family: 4 }]);
  };
  const transport = openTransport(t, { lookUp });
  const exchange = await transport.send(new URL(`http://rebinding.example:${receiver.port}/`));
  assert.equal(exchange.kind, 'response');
  assert.deepEqual(asked, ['rebinding.example']);
  assert.match(receiver.received(), /^host: rebinding\.example:\d+$/m);
});

test('the address at the far end is judged once more before a byte is sent', async (t) => {
  const receiver = await startRawReceiver(t, OK);
  const judged: string[] = [];
  const addresses: AddressPolicy = {
    verdict(address) {
      judged.push(address);
      return judged.length === 1 ? 'allowed' : 'blocked';
    },
  };
  assert.deepEqual(await openTransport(t, { addresses }).send(receiver.url), BLOCKED);
  assert.deepEqual(judged, ['127.0.0.1', '127.0.0.1']);
  await receiver.allClosed();
  assert.equal(receiver.received(), '');
});

test('localhost is what the system says it is', async (t) => {
  const receiver = await startRawReceiver(t, OK);
  const exchange = await openTransport(t).send(new URL(`http://localhost:${receiver.port}/`));
  assert.equal(exchange.kind, 'response');
});

test('a hundred names that hang do not delay a live one', async (t) => {
  const receiver = await startRawReceiver(t, OK);
  const hanging: string[] = [];
  const lookUp: LookUp = (hostname, resolved) => {
    if (hostname.startsWith('dead')) hanging.push(hostname);
    else resolved(null, [LOOPBACK]);
  };
  const transport = openTransport(t, { lookUp, lookUpsMax: 128 });
  const dead = Array.from({ length: 100 }, (_, index) =>
    transport.send(new URL(`http://dead.of${index}.example/`), { deadlineMs: 500 }),
  );
  const beganAt = performance.now();
  const exchange = await transport.send(new URL(`http://live.example:${receiver.port}/`));
  assert.equal(exchange.kind, 'response');
  assert.ok(performance.now() - beganAt < 250);
  assert.equal(hanging.length, 100);
  for (const one of await Promise.all(dead)) {
    assert.deepEqual(one, { kind: 'failure', failure: 'timeout', note: null });
  }
});
