import type { Seeded } from '../../core/support/seeded.ts';

/** A range of addresses that nobody's receiver has, and where that is written. */
export type Range = readonly [network: string, source: string];

export const IPV4: readonly Range[] = [
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

export const IPV6: readonly Range[] = [
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

/** Addresses that answer whoever asks from inside a cloud. */
export const METADATA = [
  ...['168.63.129.16', '169.254.169.254', '169.254.170.2', '169.254.170.23', '100.100.100.200'],
  '192.0.0.192',
];

/** Ways to put an IPv4 address into another; `hex` is it as two groups. */
export const EMBEDDED: readonly (readonly [
  what: string,
  form: (ipv4: string, hex: string) => string,
])[] = [
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

/** First, middle and last of a range. */
export function insideOf(network: string): string[] {
  const [first, last] = edgesOf(network);
  return [first, (first + last) / 2n, last].map((value) => textOf(value, isIpv4(network)));
}

/** The addresses right before and right behind a range. */
export function besideOf(network: string): string[] {
  const [first, last] = edgesOf(network);
  return [first - 1n, last + 1n]
    .filter((value) => value >= 0n && value <= all(isIpv4(network) ? 32 : 128))
    .map((value) => textOf(value, isIpv4(network)));
}

/** What the second classifier says of an address in one of these tables' spellings. */
export function verdictOf(address: string): 'allowed' | 'blocked' {
  return isBlocked(bitsOf(address), isIpv4(address)) ? 'blocked' : 'allowed';
}

/** Half of them anywhere, half near the edges of ranges. */
export function randomAddress(random: Seeded): string {
  const table = random.below(2) === 0 ? IPV4 : IPV6;
  const bits = table === IPV4 ? 32 : 128;
  const anywhere = randomBits(random, bits);
  const near = bitsOf(random.pick(table)[0]) ^ (anywhere >> BigInt(random.below(bits)));
  const value = random.below(2) === 0 ? anywhere : near & all(bits);
  return textOf(value, table === IPV4, random.below(2) === 0);
}

/** The classifier written once more, on whole numbers. */
function isBlocked(value: bigint, isIpv4Address: boolean): boolean {
  const edges = isIpv4Address ? EDGES_IPV4 : EDGES_IPV6;
  if (edges.some(([first, last]) => value >= first && value <= last)) return true;
  if (isIpv4Address) return false;
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

function textOf(value: bigint, isIpv4Address: boolean, inCapitals = false): string {
  const hex = value.toString(16).padStart(isIpv4Address ? 8 : 32, '0');
  const parts = hex.match(isIpv4Address ? /../g : /..../g) ?? [];
  if (isIpv4Address) return parts.map((part) => Number.parseInt(part, 16)).join('.');
  const text = parts.join(':');
  return inCapitals ? text.toUpperCase() : text;
}

function isIpv4(network: string): boolean {
  return !network.includes(':');
}

/** `127.0.0.1` → `7f00:0001` */
export function hexOf(ipv4: string): string {
  const hex = ipv4.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return `${hex[0]}${hex[1]}:${hex[2]}${hex[3]}`;
}

function all(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

function randomBits(random: Seeded, bits: number): bigint {
  return BigInt(`0x${Buffer.from(random.bytes(bits / 8)).toString('hex')}`);
}

const EDGES_IPV4 = IPV4.map(([network]) => edgesOf(network));
const EDGES_IPV6 = IPV6.map(([network]) => edgesOf(network));
