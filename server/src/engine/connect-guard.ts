import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns';
import { buildConnector } from 'undici';
import { literalAddress } from '../core/address.ts';
import type { AddressPolicy } from '../core/ports.ts';

export class BlockedAddressError extends Error {
  override name = 'BlockedAddressError';
  readonly code = 'POSTHORN_BLOCKED';
}

/**
 * Connects only to addresses that the policy allows. A name is resolved once: every address it has
 * is classified, and the socket goes to those very addresses, never to the name again. A literal
 * address is classified here, because nothing looks it up; the far end is classified once more.
 */
export function createGuardedConnector(
  policy: AddressPolicy,
  options: { connectTimeoutMs: number },
): buildConnector.connector {
  const connect = buildConnector({
    timeout: options.connectTimeoutMs,
    allowH2: false,
    lookup: guardedLookup(policy),
  } as buildConnector.BuildOptions);

  return (target, callback) => {
    const literal = literalAddress(target.hostname);
    if (literal !== null && policy.verdict(literal) === 'blocked') {
      queueMicrotask(() => callback(blocked(), null));
      return;
    }
    connect(target, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      if (policy.verdict(socket.remoteAddress ?? '') === 'blocked') {
        socket.destroy();
        return callback(blocked(), null);
      }
      callback(null, socket);
    });
  };
}

type LookupCallback = (
  error: Error | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

function guardedLookup(policy: AddressPolicy) {
  return (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    systemLookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) {
        callback(error ?? new Error('no address'), '');
      } else if (addresses.some(({ address }) => policy.verdict(address) === 'blocked')) {
        callback(blocked(), '');
      } else if (options.all) {
        callback(null, addresses);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}

function blocked(): BlockedAddressError {
  return new BlockedAddressError('the address is not allowed');
}
