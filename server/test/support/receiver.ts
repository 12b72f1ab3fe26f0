import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Cleanup } from './cleanup.ts';
import { within } from './until.ts';

/** What a receiver does with one request. */
export type Answer =
  | { status: number; headers?: Record<string, string>; body?: string | Uint8Array }
  /** Never answers. */
  | { kind: 'hang' }
  /** Resets the connection before a byte of the answer. */
  | { kind: 'reset' }
  /** Complete headers, then a byte at a time without end. */
  | { kind: 'drip'; status: number; everyMs: number }
  /** Complete headers, then as much as the connection takes, without end. */
  | { kind: 'endless'; status: number }
  /** Complete headers that announce more than comes, then the connection breaks. */
  | { kind: 'broken body'; status: number }
  /** These bytes as they are, then the end of the connection. */
  | { kind: 'raw'; bytes: string | Uint8Array };

/** A request as it came. */
export interface ReceivedRequest {
  method: string;
  path: string;
  httpVersion: string;
  /** Names and values as they were spelled, in their order, repetitions included. */
  headers: readonly (readonly [name: string, value: string])[];
  body: Buffer;
  /** `performance.now()` when it was complete. */
  receivedAtMs: number;
  /** The one header of that name, whatever its case; fails when there is none or more than one. */
  header(name: string): string;
}

export interface TestReceiver {
  /** Where webhooks point to. */
  url: string;
  /** Everything that came, in its order. */
  requests: readonly ReceivedRequest[];
  /** Puts answers in a row, one per request; afterwards `otherwise` goes on. */
  script(...answers: readonly Answer[]): void;
  /** What is answered when the script is used up; 200 and `OK` at first. */
  otherwise(answer: Answer): void;
  /** The next request that `next` has not answered yet. */
  next(): Promise<ReceivedRequest>;
  /** The first so many requests, when they have come. */
  received(count: number): Promise<readonly ReceivedRequest[]>;
  /** The request number so many (from 1) that carries this event, when it has come. */
  ofEvent(eventId: string, number?: number): Promise<ReceivedRequest>;
  stop(): Promise<void>;
}

const OK: Answer = { status: 200, body: 'OK' };

/** A receiver on the loopback that answers by script and keeps what it was sent. */
export async function startReceiver(
  cleanup: Cleanup,
  options: { script?: readonly Answer[]; otherwise?: Answer } = {},
): Promise<TestReceiver> {
  const requests: ReceivedRequest[] = [];
  const waiting = new Set<() => void>();
  let script = [...(options.script ?? [])];
  let otherwise = options.otherwise ?? OK;
  let taken = 0;

  const server = createServer((request, response) => {
    // A client that breaks off while it sends has not made a request.
    receive(request).then(
      (received) => {
        const answer = script.shift() ?? otherwise;
        requests.push(received);
        give(answer, request.socket, response);
        for (const look of waiting) look();
      },
      () => {},
    );
  });
  const url = `${await listen(server)}/webhooks`;
  const stop = () => close(server);
  cleanup.after(stop);

  const hasCome = async (what: string, wanted: () => boolean): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => wanted() && resolve();
    waiting.add(look);
    look();
    await within(what, promise);
    waiting.delete(look);
  };
  const received = async (count: number): Promise<readonly ReceivedRequest[]> => {
    await hasCome(`${count} requests are received`, () => requests.length >= count);
    return requests.slice(0, count);
  };
  const carrying = (eventId: string) =>
    requests.filter(({ headers }) =>
      headers.some(([name, value]) => name.toLowerCase() === 'webhook-id' && value === eventId),
    );

  return {
    url,
    requests,
    script: (...answers) => {
      script = [...script, ...answers];
    },
    otherwise: (answer) => {
      otherwise = answer;
    },
    received,
    async ofEvent(eventId, number = 1) {
      const wanted = () => carrying(eventId).length >= number;
      await hasCome(`event ${eventId} is received ${number} times`, wanted);
      return at(carrying(eventId), number - 1);
    },
    async next() {
      taken += 1;
      return at(await received(taken), taken - 1);
    },
    stop,
  };
}

/** A URL at which every connection is refused, and nobody else can begin to listen meanwhile. */
export async function refusingUrl(cleanup: Cleanup): Promise<string> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  // Its own end of this connection holds the port without listening on it.
  const holder = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(holder, 'connect');
  const [other] = await accepted;
  cleanup.after(() => {
    holder.destroy();
    other.destroy();
    server.close();
  });
  return `http://127.0.0.1:${holder.localPort}/webhooks`;
}

async function receive(request: IncomingMessage): Promise<ReceivedRequest> {
  const { rawHeaders, method = '', url = '', httpVersion } = request;
  const body = await buffer(request);
  const headers = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ''] as const] : [],
  );
  const header = (name: string) => {
    const values = headers.filter(([known]) => known.toLowerCase() === name.toLowerCase());
    if (values.length !== 1) throw new Error(`"${name}" was received ${values.length} times`);
    return at(values, 0)[1];
  };
  const receivedAtMs = performance.now();
  return { method, path: url, httpVersion, headers, body, receivedAtMs, header };
}

function give(answer: Answer, socket: Socket, response: ServerResponse): void {
  if (!('kind' in answer)) {
    response.writeHead(answer.status, answer.headers).end(answer.body);
    return;
  }
  switch (answer.kind) {
    case 'hang':
      return;
    case 'reset':
      socket.resetAndDestroy();
      return;
    case 'drip':
      response.writeHead(answer.status, { 'Content-Type': 'text/plain' });
      every(answer.everyMs, socket, () => response.write('.'));
      return;
    case 'endless':
      response.writeHead(answer.status, { 'Content-Type': 'text/plain' });
      pour(response);
      return;
    case 'broken body':
      response.writeHead(answer.status, { 'Content-Length': 1_000 });
      response.write('only this', () => socket.destroy());
      return;
    case 'raw':
      socket.end(answer.bytes);
      return;
  }
}

function every(ms: number, socket: Socket, call: () => void): void {
  const timer = setInterval(call, ms);
  socket.once('close', () => clearInterval(timer));
}

function pour(response: ServerResponse): void {
  while (!response.destroyed && response.write('.'.repeat(16_384)));
  if (!response.destroyed) response.once('drain', () => pour(response));
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new RangeError(`there is no item ${index}`);
  return item;
}
