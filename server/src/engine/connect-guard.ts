import {
  connect as connectTcp,
  isIP,
  type LookupFunction,
  type Socket,
  type TcpNetConnectOpts,
} from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { literalAddress } from '../core/address.ts';
import type { AddressPolicy } from '../core/ports.ts';
import type { Names } from './names.ts';
import { TlsSessions } from './tls-sessions.ts';

export class BlockedAddressError extends Error {
  override name = 'BlockedAddressError';
  readonly code = 'POSTHORN_BLOCKED';
}

/** Where an origin is reached. */
export interface Destination {
  isTls: boolean;
  /** A name, or an address without brackets. */
  host: string;
  port: number;
}

export type Connected = (error: Error | null, socket: Socket | null) => void;

/**
 * Begins a connection; the socket is there at once, so that it can be given up at any moment, or null
 * when the address is refused. No time-out of its own: whoever sends has a deadline over everything.
 */
export type GuardedConnect = (destination: Destination, connected: Connected) => Socket | null;

/** TCP's own keep-alive would find nothing: exchanges have a deadline, idle sockets last seconds. */
const SOCKET_OPTIONS = { noDelay: true, keepAlive: false };

/**
 * Connects only to addresses that the policy allows. A name is resolved once: every address it has
 * is classified, at every connection, and the socket goes to those very addresses, never to the name
 * again. A literal address is classified here, because nothing looks it up; the far end is classified
 * once more.
 */
export function createGuardedConnect(policy: AddressPolicy, names: Names): GuardedConnect {
  const lookup = guardedLookup(policy, names);
  const sessions = new TlsSessions();

  return ({ isTls, host, port }, connected) => {
    const literal = literalAddress(host);
    if (literal !== null && policy.verdict(literal) === 'blocked') {
      queueMicrotask(() => connected(blocked(), null));
      return null;
    }
    const options = { ...SOCKET_OPTIONS, host, port, lookup };
    const socket = isTls ? connectSecurely(options, sessions) : connectTcp(options);
    const failed = (error: Error) => connected(error, null);
    socket.once('error', failed);
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      if (policy.verdict(socket.remoteAddress ?? '') === 'blocked') {
        return socket.destroy(blocked());
      }
      // From here on whoever takes the socket hears its errors.
      connected(null, socket);
      socket.off('error', failed);
    });
    return socket;
  };
}

function connectSecurely(
  options: TcpNetConnectOpts & { host: string },
  sessions: TlsSessions,
): TLSSocket {
  const { host, port } = options;
  const socket = connectTls({
    ...options,
    // RFC 6066, 3: neither an address nor the dot at the end is a server name.
    ...(isIP(host) === 0 && { servername: host.replace(/\.$/, '') }),
    ALPNProtocols: ['http/1.1'],
    ...sessions.of(`${host}:${port}`),
  });
  sessions.keep(`${host}:${port}`, socket);
  return socket;
}

function guardedLookup(policy: AddressPolicy, names: Names): LookupFunction {
  return (hostname, { all }, callback) => {
    names.resolve(hostname, (error, addresses) => {
      const [first] = addresses;
      if (error !== null || first === undefined) {
        callback(error ?? new Error('no address'), '');
      } else if (addresses.some(({ address }) => policy.verdict(address) === 'blocked')) {
        callback(blocked(), '');
      } else if (all) {
        callback(null, [...addresses]);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}

function blocked(): BlockedAddressError {
  return new BlockedAddressError('the address is not allowed');
}
