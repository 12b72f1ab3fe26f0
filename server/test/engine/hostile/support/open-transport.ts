import type { AddressPolicy, Exchange } from '../../../../src/core/ports.ts';
import type { LookUp } from '../../../../src/engine/names.ts';
import { createUndiciTransport } from '../../../../src/engine/undici-transport.ts';
import { createAddressPolicy } from '../../../../src/platform/address-policy.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { systemLookUp } from '../../../../src/platform/look-ups.ts';
import type { Cleanup } from '../../../support/cleanup.ts';

export interface SendOptions {
  body?: Uint8Array;
  /** As the engine would end it; far away when it is not given. */
  deadlineMs?: number;
}

export interface OpenTransport {
  /** Also checks that nothing is told twice, and nothing before `send` has returned. */
  send(url: URL, options?: SendOptions): Promise<Exchange>;
  close(): Promise<void>;
}

export interface TransportSettings {
  allowNetworks?: readonly string[];
  /** Instead of the real policy over those networks. */
  addresses?: AddressPolicy;
  lookUp?: LookUp;
  lookUpsMax?: number;
  socketsMax?: number;
}

const BODY = Buffer.from('{"id":"evt_1","type":"user.created","data":{}}');
const HEADERS = ['content-type', 'application/json', 'webhook-id', 'evt_1'];

/** The real transport over real sockets, which may reach the loopback. */
export function openTransport(cleanup: Cleanup, options: TransportSettings = {}): OpenTransport {
  const { socketsMax = 1_000, lookUpsMax = 4, lookUp = systemLookUp } = options;
  const {
    allowNetworks = ['127.0.0.0/8', '::1/128'],
    addresses = createAddressPolicy(allowNetworks),
  } = options;
  const transport = createUndiciTransport(
    { addresses, clock: systemClock, lookUp },
    { socketsMax, lookUpsMax },
  );
  cleanup.after(() => transport.close());

  return {
    close: () => transport.close(),
    async send(url, { body = BODY, deadlineMs = 20_000 } = {}) {
      const { promise, resolve, reject } = Promise.withResolvers<Exchange>();
      let hasReturned = false;
      let count = 0;
      const open = transport.send({ url, headers: HEADERS, body }, (exchange) => {
        count += 1;
        if (!hasReturned) reject(new Error('ended before send had returned'));
        if (count > 1) throw new Error('ended twice');
        resolve(exchange);
      });
      hasReturned = true;
      const limit = setTimeout(() => open.expire(), deadlineMs);
      try {
        return await promise;
      } finally {
        clearTimeout(limit);
      }
    },
  };
}
