import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { createReceiver } from '@posthorn/receiver';
import { nodeHandler } from '@posthorn/receiver/node';
import { type Client, createClient, type Event } from 'posthorn/client';
import { startTestServer } from '../../../../server/test/support/start-test-server.ts';
import { until } from '../../../../server/test/support/until.ts';
import type { AccountEvents } from '../../events.ts';
import { lastFirst } from './last-first.ts';

export interface TestPosthorn {
  readonly url: string;
  readonly key: string;
  readonly client: Client;
  /** All there are, the oldest first. */
  events(): Promise<Event[]>;
}

/** A real server over real sockets. */
export async function startPosthorn(t: TestContext): Promise<TestPosthorn> {
  const { url, key } = await startTestServer(lastFirst(t));
  const client = createClient({ baseUrl: url, apiKey: key, retriesMax: 0 });
  return {
    url,
    key,
    client,
    events: async () => (await Array.fromAsync(client.events.list({ limit: 100 }))).toReversed(),
  };
}

export type Arrived = {
  [Type in keyof AccountEvents]: { readonly type: Type; readonly data: AccountEvents[Type] };
}[keyof AccountEvents];

/** A receiver with a webhook that takes everything, in order; it keeps what was verified. */
export async function startReceiving(t: TestContext, { client }: TestPosthorn) {
  const arrived: Arrived[] = [];
  const faults: unknown[] = [];
  let secret = '';
  const receiver = createReceiver<AccountEvents>({ secrets: () => secret })
    .on('*', (event) => {
      arrived.push({ type: event.type, data: event.data } as Arrived);
    })
    .onError((error) => faults.push(error));
  const server = createServer(nodeHandler(receiver)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  lastFirst(t).after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/webhooks`;
  const webhook = await client.webhooks.create({ url, events: ['*'], ordering: 'strict' });
  secret = webhook.secret ?? '';
  return {
    /** What has come, when it is so many. */
    async arrivals(count: number): Promise<readonly Arrived[]> {
      await until(`${count} events have arrived`, async () => {
        if (faults.length > 0) throw faults[0];
        return arrived.length >= count;
      });
      return arrived;
    },
  };
}
