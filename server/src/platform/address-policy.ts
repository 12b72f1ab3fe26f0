import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { AddressPolicy } from '../core/ports.ts';

/**
 * Not for deliveries: IANA's special-purpose registries and the metadata addresses of clouds that
 * stand outside them (IPv4), and everything outside 2000::/3 plus the special ranges inside it
 * (IPv6), so that a range which is not yet in any table is refused. An IPv6 address that carries an
 * IPv4 one is refused whatever that is: nobody's receiver has such an address.
 */
const BLOCKED_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '168.63.129.16/32',
];
const PUBLIC_IPV6 = '2000::/3';
const BLOCKED_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20'];

/** Networks in CIDR notation that may be reached although they are not public. */
export function createAddressPolicy(allowNetworks: readonly string[]): AddressPolicy {
  const allowed = blockList(allowNetworks);
  const blockedIpv4 = blockList(BLOCKED_IPV4);
  const publicIpv6 = blockList([PUBLIC_IPV6]);
  const blockedIpv6 = blockList(BLOCKED_IPV6);

  return {
    verdict(address) {
      const plain = address.replace(/%.*$/, '');
      if (isIPv4(plain)) {
        if (allowed.check(plain, 'ipv4')) return 'allowed';
        return blockedIpv4.check(plain, 'ipv4') ? 'blocked' : 'allowed';
      }
      if (!isIPv6(plain)) return 'blocked';
      // Node compares an IPv4-mapped address with the IPv4 networks of a list as well.
      if (allowed.check(plain, 'ipv6')) return 'allowed';
      if (!publicIpv6.check(plain, 'ipv6') || blockedIpv6.check(plain, 'ipv6')) return 'blocked';
      return isIsatap(plain) ? 'blocked' : 'allowed';
    },
  };
}

/** The network as its parts, or undefined when it is not valid CIDR notation. */
export function parseNetwork(
  text: string,
): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', prefixText = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^\d{1,3}$/.test(prefixText)) return undefined;
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
  const prefix = Number(prefixText);
  if (family === undefined || prefix > (family === 'ipv4' ? 32 : 128)) return undefined;
  return { address, prefix, family };
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of networks) {
    const network = parseNetwork(text);
    if (network === undefined) throw new RangeError(`not a network in CIDR notation: ${text}`);
    list.addSubnet(network.address, network.prefix, network.family);
  }
  return list;
}

/** RFC 5214, 6.1: an interface identifier of `0:5efe` or `200:5efe` and an IPv4 address. */
function isIsatap(address: string): boolean {
  const groups = groupsOf(address);
  return (groups[4] === 0 || groups[4] === 0x200) && groups[5] === 0x5efe;
}

/** The eight groups of an IPv6 address, in any of its spellings. */
function groupsOf(address: string): number[] {
  // The URL parser writes the last two of them in hexadecimal, whatever they were.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const halves = canonical.split('::').map((half) => half.split(':').filter((part) => part !== ''));
  const [first = [], last = []] = halves;
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => '0');
  return [...first, ...zeros, ...last].map((group) => Number.parseInt(group, 16));
}
