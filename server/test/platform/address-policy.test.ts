import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AddressPolicy } from '../../src/core/ports.ts';
import { createAddressPolicy, parseNetwork } from '../../src/platform/address-policy.ts';
import { seeded } from '../core/support/seeded.ts';
import {
  besideOf,
  EMBEDDED,
  hexOf,
  IPV4,
  IPV6,
  insideOf,
  METADATA,
  verdictOf,
} from './support/address-ranges.ts';
import { judgeRandom } from './support/judge-random.ts';

const policy = createAddressPolicy([]);
/** Three of each range, public ones, and those of clouds. */
const CARRIED = [
  ...IPV4.flatMap(([network]) => insideOf(network)),
  ...METADATA,
  '8.8.8.8',
  '1.1.1.1',
];

test('these tables and those of URLs and names have 1,250 rows and more', () => {
  const edges = [...IPV4, ...IPV6].flatMap(([one]) => [...insideOf(one), ...besideOf(one)]);
  const embedded = EMBEDDED.length * CARRIED.length;
  assert.ok(edges.length + embedded + METADATA.length >= 650, `${edges.length} + ${embedded}`);
});

describe('the metadata of a cloud is blocked:', () => {
  for (const address of METADATA) {
    test(address, () => assert.equal(policy.verdict(address), 'blocked'));
  }
});

describe('an address is blocked inside, and judged by the other ranges beside,', () => {
  for (const [network, source] of [...IPV4, ...IPV6]) {
    test(`${network} (${source})`, () => {
      for (const address of insideOf(network)) {
        assert.equal(policy.verdict(address), 'blocked', address);
      }
      for (const address of besideOf(network)) {
        assert.equal(policy.verdict(address), verdictOf(address), address);
      }
    });
  }
});

describe('an address that carries an IPv4 address is blocked, whatever that is:', () => {
  for (const [what, form] of EMBEDDED) {
    test(what, () => {
      for (const ipv4 of CARRIED) {
        const address = form(ipv4, hexOf(ipv4));
        assert.equal(policy.verdict(address), 'blocked', address);
      }
    });
  }

  test('what only looks like ISATAP is allowed', () => {
    for (const address of [
      '2606:4700::5eff:808:808',
      '2606:4700:0:0:1:5efe:808:808',
      '2606:4700:5efe::1',
    ]) {
      assert.equal(policy.verdict(address), 'allowed', address);
    }
  });
});

describe('a public address is allowed:', () => {
  const addresses = [
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '223.255.255.255',
    '2000::',
    '2001:200::1',
    '2606:4700:4700::1111',
    '2a00:1450:4001::200e',
    '2A00:1450:4001:0:0:0:0:200E',
    '3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  ];
  for (const address of addresses) {
    test(address, () => assert.equal(policy.verdict(address), 'allowed'));
  }
});

describe('what is no address is blocked:', () => {
  const texts = [
    '',
    ' ',
    'localhost',
    'example.com',
    '1.1.1',
    '1.1.1.1.1',
    '1.1.1.256',
    '01.1.1.1',
    '0x1.1.1.1',
    '16843009',
    '1.1.1.1 ',
    '1.1.1.1\n',
    '[2606:4700::1]',
    '2606:4700::1::1',
    '2606:4700',
    '::ffff:1.1.1',
    '１.1.1.1',
  ];
  for (const text of texts) {
    test(JSON.stringify(text), () => assert.equal(policy.verdict(text), 'blocked'));
  }
});

test('the zone of a link is no part of an address', () => {
  assert.equal(policy.verdict('fe80::1%eth0'), 'blocked');
  assert.equal(policy.verdict('::1%2606:4700::1'), 'blocked');
  assert.equal(createAddressPolicy(['fe80::/10']).verdict('fe80::1%eth0'), 'allowed');
});

describe('the operator may allow networks', () => {
  const opened = createAddressPolicy(['10.1.0.0/16', '127.0.0.1/32', 'fd00:1::/32', '::1/128']);
  const cases: [address: string, verdict: ReturnType<AddressPolicy['verdict']>][] = [
    ['10.0.255.255', 'blocked'],
    ['10.1.0.0', 'allowed'],
    ['10.1.255.255', 'allowed'],
    ['10.2.0.0', 'blocked'],
    ['127.0.0.0', 'blocked'],
    ['127.0.0.1', 'allowed'],
    ['127.0.0.2', 'blocked'],
    ['fd00:0:ffff:ffff:ffff:ffff:ffff:ffff', 'blocked'],
    ['fd00:1::', 'allowed'],
    ['fd00:1:ffff:ffff:ffff:ffff:ffff:ffff', 'allowed'],
    ['fd00:2::', 'blocked'],
    ['::1', 'allowed'],
    ['::2', 'blocked'],
    // The same addresses, as a socket of both families names them.
    ['::ffff:10.1.2.3', 'allowed'],
    ['::ffff:a01:203', 'allowed'],
    ['0:0:0:0:0:ffff:a01:203', 'allowed'],
    ['::ffff:10.2.2.3', 'blocked'],
    ['8.8.8.8', 'allowed'],
    ['169.254.169.254', 'blocked'],
  ];
  for (const [address, verdict] of cases) {
    test(`${address} is ${verdict}`, () => assert.equal(opened.verdict(address), verdict));
  }

  test('all of them, with 0.0.0.0/0 and ::/0', () => {
    const everything = createAddressPolicy(['0.0.0.0/0', '::/0']);
    for (const address of ['127.0.0.1', '255.255.255.255', '::', 'ffff::']) {
      assert.equal(everything.verdict(address), 'allowed');
    }
    assert.equal(everything.verdict('localhost'), 'blocked');
  });

  test('but not by a text that is no network', () => {
    assert.throws(() => createAddressPolicy(['10.0.0.0']), /not a network in CIDR notation: 10/);
  });
});

describe('a network is written as', () => {
  const cases: [text: string, isOne: boolean][] = [
    ['10.0.0.0/8', true],
    ['0.0.0.0/0', true],
    ['1.2.3.4/32', true],
    ['1.2.3.4/33', false],
    ['::/0', true],
    ['::1/128', true],
    ['::1/129', false],
    ['fd00::/8', true],
    ['10.0.0.0', false],
    ['10.0.0.0/', false],
    ['/8', false],
    ['10.0.0/8', false],
    ['10.0.0.0/8/8', false],
    ['10.0.0.0/-1', false],
    ['10.0.0.0/8 ', false],
    ['10.0.0.0/0x8', false],
    ['example.com/8', false],
    ['', false],
  ];
  for (const [text, isOne] of cases) {
    test(`${JSON.stringify(text)}: ${isOne ? 'yes' : 'no'}`, () => {
      assert.equal(parseNetwork(text) !== undefined, isOne);
    });
  }
});

test('random addresses are judged as the tables say, in every spelling', (t) => {
  judgeRandom(seeded(t), 20_000);
});
