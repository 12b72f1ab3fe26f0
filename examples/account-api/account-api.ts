import type { AddressInfo } from 'node:net';
import { createClient } from 'posthorn/client';
import { createApp } from './app.ts';
import { openDatabase } from './database.ts';
import { startRelay } from './relay.ts';

export interface AccountApiOptions {
  /** `postgres://…` or `sqlite:path`. */
  readonly databaseUrl: string;
  /** 0: a free one. */
  readonly port: number;
  readonly posthorn: { readonly url: string; readonly apiKey: string };
  readonly report: (message: string) => void;
}

export interface AccountApi {
  readonly url: string;
  /** Finishes the requests in progress; what is unsent is sent after the next start. */
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const PUBLISH_TIMEOUT_MS = 10_000;

/** Database, relay and HTTP together. */
export async function startAccountApi(options: AccountApiOptions): Promise<AccountApi> {
  const { databaseUrl, port, posthorn, report } = options;
  const database = await openDatabase(databaseUrl);
  const client = createClient({
    baseUrl: posthorn.url,
    apiKey: posthorn.apiKey,
    timeoutMs: PUBLISH_TIMEOUT_MS,
    // The relay itself tries again, for as long as it takes.
    retriesMax: 0,
  });
  const relay = startRelay({ database, posthorn: client, report });
  const app = createApp({ database, committed: () => relay.wake(), report });
  const stop = async () => {
    await app.close();
    await relay.stop();
    await database.close();
  };
  try {
    await app.listen({ host: HOST, port });
  } catch (error) {
    await stop();
    throw error;
  }
  const address = app.server.address() as AddressInfo;
  return { url: `http://${HOST}:${address.port}`, stop };
}
