import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RunningProcess } from '../../system/support/child-process.ts';
import { cleanUp } from '../../system/support/clean-up.ts';
import { cleanEnvironment, ROOT_KEY, SERVE_KEYS } from '../../system/support/server-process.ts';

const PROGRAM = fileURLToPath(new URL('../../../src/cli/index.ts', import.meta.url));
const READY = /^Posthorn is serving at (http:\/\/\S+)/m;

export interface RunOptions {
  dataDir: string;
  environment?: Record<string, string>;
  /** A program, with its arguments, that runs the server. */
  under?: readonly string[];
  /** Options of Node itself. */
  nodeOptions?: readonly string[];
  /** Other than `serve`. */
  args?: readonly string[];
}

export interface DurableServer {
  process: RunningProcess;
  url: string;
}

/** The real program on a data directory; it may not become a server. */
export function run(t: TestContext, options: RunOptions): RunningProcess {
  const { dataDir, under = [], nodeOptions = [], args = ['serve'] } = options;
  const [command = '', ...rest] = [...under, process.execPath, ...nodeOptions, PROGRAM, ...args];
  const started = new RunningProcess({
    command,
    args: rest,
    cwd: dataDir,
    // Whatever runs the server must not outlive it, nor the other way round.
    ownGroup: true,
    environment: {
      ...cleanEnvironment(),
      ...SERVE_KEYS,
      POSTHORN_DATA_DIR: dataDir,
      POSTHORN_PORT: '0',
      POSTHORN_HOST: '127.0.0.1',
      POSTHORN_ALLOW_NETWORKS: '127.0.0.0/8',
      POSTHORN_ALLOW_HTTP: 'true',
      POSTHORN_LOG_LEVEL: 'error',
      ...options.environment,
    },
  });
  cleanUp(t, async () => {
    started.killGroup('SIGKILL');
    await started.end();
  });
  return started;
}

export async function startServer(t: TestContext, options: RunOptions): Promise<DurableServer> {
  const started = run(t, options);
  const [, url = ''] = await started.output(READY, 60_000);
  return { process: started, url };
}

export interface ApiAnswer {
  status: number;
  retryAfter: string | null;
  body: Record<string, unknown>;
}

/** One call with the operator's key. */
export async function call(
  url: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<ApiAnswer> {
  const response = await fetch(url + path, {
    method,
    headers: { Authorization: `Bearer ${ROOT_KEY}`, 'Content-Type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    retryAfter: response.headers.get('Retry-After'),
    body: text === '' ? {} : JSON.parse(text),
  };
}

export async function subscribe(server: DurableServer, url: string): Promise<string> {
  const webhook = await call(server.url, 'POST', '/v1/webhooks', { url, events: ['*'] });
  if (webhook.status !== 201) throw new Error(JSON.stringify(webhook));
  return String(webhook.body.id);
}

export function publish(server: DurableServer, data: object): Promise<ApiAnswer> {
  return call(server.url, 'POST', '/v1/events', { type: 'user.created', data });
}

/** So many publishes at once; what was answered to each, null where the connection broke. */
export function publishMany(server: DurableServer, count: number, data: object = {}) {
  const one = (number: number) => publish(server, { number, ...data }).catch(() => null);
  return Promise.all(Array.from({ length: count }, (_, number) => one(number)));
}

export function idsOf(answers: readonly (ApiAnswer | null)[]): string[] {
  return answers
    .filter((answer) => answer?.status === 202)
    .map((answer) => String(answer?.body.id));
}
