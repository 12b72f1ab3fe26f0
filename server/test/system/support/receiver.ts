import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { cleanUp } from './clean-up.ts';

export interface Arrival {
  headers: IncomingHttpHeaders;
  body: string;
}

/** Answers with a status when it is fulfilled; a promise that never is, hangs. */
export type Respond = (arrival: Arrival) => number | Promise<number>;

/** A real receiver on loopback. */
export interface Receiver {
  url: string;
  arrivals: readonly Arrival[];
  /** Fulfilled when so many requests have arrived. */
  hasReceived(count: number): Promise<void>;
}

const ARRIVAL_MS_MAX = 20_000;
/** Longer than a sender keeps a connection: no request meets one that is just being closed. */
const KEEP_ALIVE_MS = 60_000;

export async function startReceiver(t: TestContext, respond: Respond): Promise<Receiver> {
  const arrivals: Arrival[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const url = await startAnswering(t, (arrival) => {
    arrivals.push(arrival);
    for (const { count, resolve } of waiting) if (arrivals.length >= count) resolve();
    return respond(arrival);
  });
  return {
    url,
    arrivals,
    async hasReceived(count) {
      if (arrivals.length >= count) return;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiting.push({ count, resolve });
      const late = () => reject(new Error(`${arrivals.length} of ${count} requests arrived`));
      const limit = setTimeout(late, ARRIVAL_MS_MAX);
      await promise.finally(() => clearTimeout(limit));
    },
  };
}

/** A receiver that keeps nothing of what arrives; answers its URL. */
export async function startAnswering(t: TestContext, respond: Respond): Promise<string> {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    const chunks: Buffer[] = [];
    // A sender that is killed breaks its requests off: what is not complete has not arrived.
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const body = Buffer.concat(chunks).toString('utf8');
      response.writeHead(await respond({ headers: request.headers, body })).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`;
}
