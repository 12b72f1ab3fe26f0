import type { AddressPolicy, Clock, Transport } from '../core/ports.ts';
import { createGuardedConnect } from './connect-guard.ts';
import type { Origin } from './connection.ts';
import { Connections } from './connections.ts';
import { type LookUp, Names, type NamesOptions } from './names.ts';
import { UndiciExchange } from './undici-exchange.ts';

export interface TransportPorts {
  addresses: AddressPolicy;
  clock: Clock;
  lookUp: LookUp;
}

export interface TransportOptions extends NamesOptions {
  /** Connections in use or idle, to all receivers together; beyond, nothing is sent. */
  socketsMax: number;
}

/** Where a request goes, taken from its URL once: reading the parts of a URL makes new texts. */
interface Place {
  origin: Origin;
  path: string;
}

/**
 * Sends over undici's clients: no redirects, no decompression, no interceptors, no proxy, HTTP/1.1.
 * The policy of addresses holds for the life of the process, so that a kept connection is as allowed
 * as it was when it was made.
 */
export function createUndiciTransport(ports: TransportPorts, options: TransportOptions): Transport {
  const names = new Names(ports, options);
  const connections = new Connections(createGuardedConnect(ports.addresses, names), options);
  const surroundings = { connections, clock: ports.clock };
  const places = new WeakMap<URL, Place>();

  const placeOf = (url: URL): Place => {
    const known = places.get(url);
    if (known !== undefined) return known;
    const place = readPlace(url);
    places.set(url, place);
    return place;
  };

  return {
    send({ url, headers, body }, ended, written) {
      const { origin, path } = placeOf(url);
      const request = { path, method: 'POST' as const, headers: headers as string[], body };
      const exchange = new UndiciExchange(surroundings, { origin, request }, ended, written);
      exchange.begin();
      return exchange;
    },
    async close() {
      names.close();
      connections.close();
    },
  };
}

function readPlace(url: URL): Place {
  const isTls = url.protocol === 'https:';
  const destination = {
    isTls,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (isTls ? 443 : 80),
  };
  return { origin: { key: url.origin, destination }, path: url.pathname + url.search };
}
