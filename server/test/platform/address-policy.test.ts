import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AddressPolicy } from '../../src/core/ports.ts';
import { createAddressPolicy, parseNetwork } from '../../src/platform/address-policy.ts';
import { seeded } from '../core/support/seeded.ts';

/** A range of addresses that nobody's receiver has, and where that is written. */
type Range = readonly [network: string, source: string];

const IPV4: readonly Range[] = [
  ['0.0.0.0/8', 'RFC 791, this network'],
  ['10.0.0.0/8', 'RFC 1918, private use'],
  ['100.64.0.0/10', 'RFC 6598, shared by carriers; cloud metadata at 100.100.100.200'],
  ['127.0.0.0/8', 'RFC 1122, loopback'],
  ['169.254.0.0/16', 'RFC 3927, link local; cloud metadata at 169.254.169.254 and 169.254.170.2'],
  ['172.16.0.0/12', 'RFC 1918, private use'],
  ['192.0.0.0/24', 'RFC 6890, protocol assignments; cloud metadata at 192.0.0.192'],
  ['192.0.2.0/24', 'RFC 5737, documentation'],
  ['192.31.196.0/24', 'RFC 7535, AS112'],
  ['192.52.193.0/24', 'RFC 7450, AMT'],
  ['192.88.99.0/24', 'RFC 7526, 6to4 relays'],
  ['192.168.0.0/16', 'RFC 1918, private use'],
  ['192.175.48.0/24', 'RFC 7534, AS112'],
  ['198.18.0.0/15', 'RFC 2544, benchmarks'],
  ['198.51.100.0/24', 'RFC 5737, documentation'],
  ['203.0.113.0/24', 'RFC 5737, documentation'],
  ['224.0.0.0/4', 'RFC 5771, multicast'],
  ['240.0.0.0/4', 'RFC 1112, reserved, and the limited broadcast'],
  ['168.63.129.16/32', 'the metadata of a cloud, in public space'],
];

const IPV6: readonly Range[] = [
  ['::/128', 'RFC 4291, unspecified'],
  ['::1/128', 'RFC 4291, loopback'],
  ['::/96', 'RFC 4291, IPv4-compatible'],
  ['::ffff:0:0/96', 'RFC 4291, IPv4-mapped'],
  ['::ffff:0:0:0/96', 'RFC 2765, IPv4-translated'],
  ['64:ff9b::/96', 'RFC 6052, NAT64'],
  ['64:ff9b:1::/48', 'RFC 8215, NAT64 of a network'],
  ['100::/64', 'RFC 6666, discard'],
  ['100:0:0:1::/64', 'RFC 9780, dummy prefix'],
  ['2001::/23', 'RFC 2928, protocol assignments; Teredo, ORCHID'],
  ['2001:db8::/32', 'RFC 3849, documentation'],
  ['2002::/16', 'RFC 3056, 6to4'],
  ['2620:4f:8000::/48', 'RFC 7534, AS112'],
  ['3fff::/20', 'RFC 9637, documentation'],
  ['4000::/2', 'not assigned'],
  ['5f00::/16', 'RFC 9602, segment routing'],
  ['8000::/1', 'not assigned'],
  ['fc00::/7', 'RFC 4193, unique local'],
  ['fe80::/10', 'RFC 4291, link local'],
  ['fec0::/10', 'RFC 3879, site local'],
  ['ff00::/8', 'RFC 4291, multicast'],
];

const policy = createAddressPolicy([]);

describe('an IPv4 address is blocked inside, and allowed beside,', () => {
  for (const [network, source] of IPV4) {
    test(`${network} (${source})`, () => assertRange(network, IPV4));
  }
});

describe('an IPv6 address is blocked inside, and allowed beside,', () => {
  for (const [network, source] of IPV6) {
    test(`${network} (${source})`, () => assertRange(network, IPV6));
  }
});

describe('an address that carries an IPv4 address is blocked, also a public one:', () => {
  const carried = [
    '8.8.8.8',
    '127.0.0.1',
    '10.0.0.1',
    '169.254.169.254',
    '0.0.0.0',
    '255.255.255.255',
  ];
  const forms: [what: string, form: (ipv4: string, hex: string) => string][] = [
    ['IPv4-mapped', (ipv4) => `::ffff:${ipv4}`],
    ['IPv4-mapped in hexadecimal', (_, hex) => `::ffff:${hex}`],
    ['IPv4-mapped in capitals', (_, hex) => `::FFFF:${hex.toUpperCase()}`],
    ['IPv4-mapped in full', (ipv4) => `0:0:0:0:0:ffff:${ipv4}`],
    ['IPv4-mapped in full with zeros', (_, hex) => `0000:0000:0000:0000:0000:ffff:${hex}`],
    ['IPv4-compatible', (ipv4) => `::${ipv4}`],
    ['IPv4-translated', (ipv4) => `::ffff:0:${ipv4}`],
    ['NAT64', (ipv4) => `64:ff9b::${ipv4}`],
    ['NAT64 of a network', (ipv4) => `64:ff9b:1::${ipv4}`],
    ['6to4', (_, hex) => `2002:${hex}::1`],
    ['Teredo', (_, hex) => `2001:0:${hex}::`],
    ['ISATAP', (ipv4) => `2606:4700:0:0:0:5efe:${ipv4}`],
    ['ISATAP of a global identifier', (_, hex) => `2606:4700::200:5efe:${hex}`],
  ];
  for (const [what, form] of forms) {
    test(what, () => {
      for (const ipv4 of carried) {
        assert.equal(policy.verdict(form(ipv4, hexOf(ipv4))), 'blocked', form(ipv4, hexOf(ipv4)));
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
  const random = seeded(t);
  const ranges = [...IPV4, ...IPV6].map(([network]) => network);
  let blocked = 0;
  for (let turn = 0; turn < 20_000; turn++) {
    const isIpv4 = random.below(2) === 0;
    const bits = isIpv4 ? 32 : 128;
    const near = random.pick(isIpv4 ? IPV4 : IPV6)[0];
    const value =
      random.below(2) === 0
        ? randomBits(random, bits)
        : (bitsOf(near) ^ (randomBits(random, bits) >> BigInt(random.below(bits)))) & all(bits);
    const address = textOf(value, isIpv4, random.below(2) === 0);
    const verdict = policy.verdict(address);
    assert.equal(verdict, isBlocked(value, isIpv4, ranges) ? 'blocked' : 'allowed', address);
    if (verdict === 'blocked') blocked += 1;
  }
  assert.ok(blocked > 1_000 && blocked < 19_000);
});

/** First, last and middle are blocked; the neighbours are allowed where no other range has them. */
function assertRange(network: string, table: readonly Range[]): void {
  const isIpv4 = !network.includes(':');
  const [first, last] = edgesOf(network);
  for (const value of [first, last, (first + last) / 2n]) {
    const address = textOf(value, isIpv4);
    assert.equal(policy.verdict(address), 'blocked', address);
  }
  const ranges = table.map(([one]) => one);
  for (const value of [first - 1n, last + 1n]) {
    if (value < 0n || value > all(isIpv4 ? 32 : 128)) continue;
    const address = textOf(value, isIpv4);
    const wanted = isBlocked(value, isIpv4, ranges) ? 'blocked' : 'allowed';
    assert.equal(policy.verdict(address), wanted, address);
  }
}

/** The classifier written once more, on whole numbers. */
function isBlocked(value: bigint, isIpv4: boolean, ranges: readonly string[]): boolean {
  const isInside = (network: string) => {
    const [first, last] = edgesOf(network);
    return network.includes(':') !== isIpv4 && value >= first && value <= last;
  };
  if (ranges.some(isInside)) return true;
  if (isIpv4) return false;
  const identifier = (value >> 32n) & 0xffff_ffffn;
  if (identifier === 0x5efen || identifier === 0x0200_5efen) return true;
  return value >> 125n !== 0b001n;
}

function edgesOf(network: string): [first: bigint, last: bigint] {
  const [address = '', prefix = ''] = network.split('/');
  const bits = network.includes(':') ? 128 : 32;
  const size = 1n << BigInt(bits - Number(prefix));
  const first = (bitsOf(address) / size) * size;
  return [first, first + size - 1n];
}

/** An address of these tables as a number; a `/prefix` behind it is left out. */
function bitsOf(network: string): bigint {
  const [address = ''] = network.split('/');
  if (!address.includes(':')) return BigInt(`0x${hexOf(address).replace(':', '')}`);
  const [head = '', tail = ''] = address.split('::');
  const [first, last] = [head, tail].map((part) => part.split(':').filter((one) => one !== ''));
  const zeros = 8 - (first?.length ?? 0) - (last?.length ?? 0);
  const groups = [...(first ?? []), ...Array.from({ length: zeros }, () => '0'), ...(last ?? [])];
  return BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`);
}

function textOf(value: bigint, isIpv4: boolean, inCapitals = false): string {
  const hex = value.toString(16).padStart(isIpv4 ? 8 : 32, '0');
  const parts = hex.match(isIpv4 ? /../g : /..../g) ?? [];
  if (isIpv4) return parts.map((part) => Number.parseInt(part, 16)).join('.');
  const text = parts.join(':');
  return inCapitals ? text.toUpperCase() : text;
}

/** `127.0.0.1` → `7f00:0001` */
function hexOf(ipv4: string): string {
  const hex = ipv4.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return `${hex[0]}${hex[1]}:${hex[2]}${hex[3]}`;
}

function all(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

function randomBits(random: { bytes(count: number): Uint8Array }, bits: number): bigint {
  return BigInt(`0x${Buffer.from(random.bytes(bits / 8)).toString('hex')}`);
}
