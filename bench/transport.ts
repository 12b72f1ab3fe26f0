// What one request costs in the transport alone: no signing, no engine, no store. Compare commits.
//
//   node bench/transport.ts [requests] [in flight per receiver] [receivers]
import type { Exchange } from '../server/src/core/ports.ts';
import { createUndiciTransport } from '../server/src/engine/undici-transport.ts';
import { createAddressPolicy } from '../server/src/platform/address-policy.ts';
import { systemClock } from '../server/src/platform/clock.ts';
import { systemLookUp } from '../server/src/platform/look-ups.ts';
import { Receiver } from './support/processes.ts';

const RUNS = 5;
const [count = 60_000, inFlight = 64, receivers = 1] = process.argv.slice(2).map(Number);
const body = Buffer.from(
  JSON.stringify({ id: 'evt_0', type: 'user.created', data: 'x'.repeat(900) }),
);
const headers = [
  ...['content-type', 'application/json', 'user-agent', 'Posthorn-Webhooks/1.0'],
  ...['x-webhook-id', 'wh_00000000000000000000000000', 'x-webhook-event', 'user.created'],
  ...[
    'x-webhook-signature',
    `sha256=${'0'.repeat(64)}`,
    'webhook-id',
    'evt_0000000000000000000000',
  ],
  ...['webhook-timestamp', '1700000000', 'webhook-signature', `v1,${'A'.repeat(43)}=`],
  ...['x-webhook-delivery', 'del_00000000000000000000000000', 'x-webhook-attempt', '1'],
  ...['x-webhook-trigger', 'schedule'],
];
const transport = createUndiciTransport(
  { addresses: createAddressPolicy(['127.0.0.0/8']), clock: systemClock, lookUp: systemLookUp },
  { socketsMax: 8_000, lookUpsMax: 2 },
);
await using receiver = new Receiver();
const urls = (await receiver.origins(receivers)).map((origin) => new URL(`${origin}/webhooks`));

await sendAll(20_000);
for (let run = 1; run <= RUNS; run++) {
  const before = process.cpuUsage();
  const beganAt = performance.now();
  await sendAll(count);
  const seconds = (performance.now() - beganAt) / 1_000;
  const { user, system } = process.cpuUsage(before);
  const [perSecond, us, kernel] = [count / seconds, (user + system) / count, system / count];
  console.log(
    `${perSecond.toFixed(0)}/s, ${us.toFixed(1)} µs each (${kernel.toFixed(1)} in the kernel)`,
  );
}
await transport.close();

async function sendAll(all: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let begun = 0;
  let ended = 0;
  const sendTo = (url: URL): void => {
    begun += 1;
    transport.send({ url, headers, body }, (exchange: Exchange) => {
      ended += 1;
      if (exchange.kind !== 'response' || exchange.status !== 200) {
        reject(new Error(JSON.stringify(exchange)));
      } else if (begun < all) {
        sendTo(url);
      } else if (ended === all) {
        resolve();
      }
    });
  };
  for (const url of urls) for (let index = 0; index < inFlight; index++) sendTo(url);
  await promise;
}
