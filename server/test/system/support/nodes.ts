import type { TestContext } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { cleanUp } from './clean-up.ts';
import { Publishers, type PublishersOptions } from './publishers.ts';
import {
  SERVE_KEYS,
  type ServerProcess,
  startServer,
  temporaryDirectory,
} from './server-process.ts';

const LEASE_MS = 5_000;
/** Long enough that nothing is given up while nodes come and go. */
const ATTEMPTS_MAX = 20;
const RETRY_SCHEDULE = Array.from({ length: ATTEMPTS_MAX }, (_, n) => `${Math.min(n, 5) * 200}ms`);

/** What may happen to a node. */
export const FATES = ['killed', 'frozen', 'drained'] as const;
export type Fate = (typeof FATES)[number];

/** What a node says of itself on standard output. */
export type LogLevel = 'error' | 'warn';

/** A real node, and those that publish at it. */
export interface Node {
  index: number;
  server: ServerProcess;
  load: Publishers;
  starts: number;
  logLevel: LogLevel;
}

export interface NodesOptions {
  /** Of the database that they share. */
  url: string;
  count: number;
  load: Omit<PublishersOptions, 'first'>;
  /** How many numbers of events each node's publishers have. */
  numbersPerNode: number;
  logLevel?: LogLevel;
}

export async function startNodes(t: TestContext, options: NodesOptions): Promise<Node[]> {
  const { url, count, numbersPerNode, logLevel = 'error' } = options;
  const nodes: Node[] = [];
  // One after the other: the first one makes the tables.
  for (let index = 0; index < count; index++) {
    const named = { index, starts: 0, logLevel };
    const server = await startNode(t, url, named);
    const load = new Publishers({ ...options.load, first: 1 + index * numbersPerNode });
    cleanUp(t, () => void load.stop());
    nodes.push({ ...named, server, load });
  }
  return nodes;
}

/** Every run of a node gives itself another name, by which its requests are known. */
export function runOf({ index, starts }: Pick<Node, 'index' | 'starts'>): string {
  return `node-${index}-${starts}`;
}

/** The run that sent a request with this `User-Agent`. */
export function senderOf(userAgent: string | undefined): string {
  return /^node-\d+-\d+/.exec(userAgent ?? '')?.[0] ?? 'unknown';
}

export interface Befallen {
  node: Node;
  fate: Fate;
  /** Of the database. */
  url: string;
  /** Called when the node is about to go on. */
  onBack?: () => void;
}

/** Lets a node fall, and waits until it is there again. */
export async function befall(
  t: TestContext,
  { node, fate, url, onBack = () => {} }: Befallen,
): Promise<void> {
  const { process } = node.server;
  node.load.hold();
  if (fate === 'frozen') {
    process.kill('SIGSTOP');
    await after(LEASE_MS * 1.5);
    onBack();
    process.kill('SIGCONT');
  } else {
    process.kill(fate === 'killed' ? 'SIGKILL' : 'SIGTERM');
    await process.end();
    onBack();
    node.starts += 1;
    node.server = await startNode(t, url, node);
  }
  node.load.resume(node.server.url);
}

async function startNode(
  t: TestContext,
  url: string,
  node: Pick<Node, 'index' | 'starts' | 'logLevel'>,
): Promise<ServerProcess> {
  return await startServer(t, {
    mode: 'serve',
    dataDir: temporaryDirectory(t),
    environment: {
      ...SERVE_KEYS,
      POSTHORN_DATABASE_URL: url,
      POSTHORN_PRODUCT_NAME: runOf(node),
      POSTHORN_ALLOW_NETWORKS: '127.0.0.0/8',
      POSTHORN_ALLOW_HTTP: 'true',
      POSTHORN_RETRY_SCHEDULE: RETRY_SCHEDULE.join(','),
      POSTHORN_LOG_LEVEL: node.logLevel,
    },
  });
}
