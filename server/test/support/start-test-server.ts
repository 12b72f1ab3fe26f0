import { randomBytes } from 'node:crypto';
import { readSettings } from '../../src/cli/read-settings.ts';
import { startServer } from '../../src/cli/start.ts';
import type { Cleanup } from './cleanup.ts';
import { assertInContract } from './contract.ts';
import { migratedDatabase } from './postgres.ts';

const DRAIN_LIMIT_MS = 2_000;

export interface TestServerOptions {
  /** The wait before attempt 1, 2, …; the documented schedule when it is not given. */
  retryScheduleMs?: readonly number[];
  attemptTimeoutMs?: number;
  /** Networks (CIDR) that may be reached; the loopback when it is not given. */
  allowNetworks?: readonly string[];
  /** The operator's key; none when it is not given. */
  rootKey?: string;
  /** Any other `POSTHORN_…` variable; the database is in memory when none is given. */
  environment?: Readonly<Record<string, string>>;
  /** To start again on the data of an earlier server. */
  encryptionKey?: Uint8Array;
}

export interface ApiAnswer<Body> {
  status: number;
  headers: Headers;
  /** The parsed body; undefined when there is none. */
  body: Body;
  /** The body as it came. */
  text: string;
}

export interface TestServer {
  url: string;
  /** A Bearer key of the default account; sent with each request that brings no other. */
  key: string;
  encryptionKey: Uint8Array;
  /**
   * One request to the API, whose answer has to be one that the OpenAPI document has. A body that is text or bytes is sent as it is, anything else as JSON;
   * a header that is undefined is left out.
   */
  request<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string | undefined>>,
  ): Promise<ApiAnswer<Body>>;
  stop(): Promise<void>;
}

/** The real server, over real sockets, as `posthorn dev` wires it; stopped when the test has ended. */
export async function startTestServer(
  cleanup: Cleanup,
  options: TestServerOptions = {},
): Promise<TestServer> {
  const database = await databaseFor(options);
  const { settings } = readSettings({
    mode: 'dev',
    environment: { POSTHORN_DATABASE_URL: database.url, ...environmentOf(options) },
    flags: {},
  });
  const key = `phk_${randomBytes(24).toString('hex')}`;
  const encryptionKey = options.encryptionKey ?? randomBytes(32);
  const server = await startServer({
    settings,
    encryptionKey,
    apiKeys: settings.rootKey === null ? [key] : [key, settings.rootKey],
    crashed: (error) => {
      throw error;
    },
  });
  let stopped: Promise<unknown> | null = null;
  const stop = async () => {
    stopped ??= server.stop(DRAIN_LIMIT_MS);
    await stopped;
  };
  cleanup.after(stop);
  cleanup.after(database.drop);

  return {
    url: server.url,
    key,
    encryptionKey,
    async request<Body>(
      method: string,
      path: string,
      body?: unknown,
      headers: Readonly<Record<string, string | undefined>> = {},
    ) {
      const response = await fetch(server.url + path, {
        method,
        headers: headersOf(key, body, headers),
        body: bytesOf(body),
        redirect: 'manual',
      });
      const answer = await answerOf<Body>(response);
      assertInContract({ method, path, ...answer });
      return answer;
    },
    stop,
  };
}

/** In memory; with `TEST_STORE=postgres` a new database of a real PostgreSQL. */
async function databaseFor({ environment }: TestServerOptions) {
  const isGiven = environment?.POSTHORN_DATABASE_URL !== undefined;
  if (process.env.TEST_STORE === 'postgres' && !isGiven) return await migratedDatabase();
  return { url: 'sqlite::memory:', async drop() {} };
}

function environmentOf(options: TestServerOptions): Record<string, string> {
  const { retryScheduleMs, attemptTimeoutMs, allowNetworks, rootKey, environment } = options;
  return {
    POSTHORN_PORT: '0',
    POSTHORN_LOG_LEVEL: 'silent',
    ...(retryScheduleMs && { POSTHORN_RETRY_SCHEDULE: retryScheduleMs.map(inMs).join(',') }),
    ...(attemptTimeoutMs && { POSTHORN_ATTEMPT_TIMEOUT: inMs(attemptTimeoutMs) }),
    ...(allowNetworks && { POSTHORN_ALLOW_NETWORKS: allowNetworks.join(',') }),
    ...(rootKey && { POSTHORN_ROOT_KEY: rootKey }),
    ...environment,
  };
}

function inMs(ms: number): string {
  return `${ms}ms`;
}

function headersOf(
  key: string,
  body: unknown,
  given: Readonly<Record<string, string | undefined>>,
): Headers {
  const headers = new Headers({ Authorization: `Bearer ${key}` });
  if (body !== undefined) headers.set('Content-Type', 'application/json');
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  }
  return headers;
}

function bytesOf(body: unknown): Buffer<ArrayBuffer> | null {
  if (body === undefined) return null;
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

export async function answerOf<Body>(response: Response): Promise<ApiAnswer<Body>> {
  const text = await response.text();
  const { status, headers } = response;
  return { status, headers, text, body: text === '' ? undefined : JSON.parse(text) };
}
