import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Cleanup } from '../../../support/cleanup.ts';
import { within } from '../../../support/until.ts';

/** What a receiver does with a connection; `number` counts them from 1. */
export type Behaviour = (socket: Socket, number: number) => void;

export interface RawReceiver {
  /** Over plain HTTP, until it is changed. */
  url: URL;
  port: number;
  /** Connections so far. */
  connections(): number;
  open(): number;
  /** Fulfilled when the last open connection is closed. */
  allClosed(): Promise<void>;
  /** What came on all connections. */
  received(): string;
}

/** A receiver of bytes on the loopback, which may do with a connection whatever it likes. */
export async function startRawReceiver(cleanup: Cleanup, behave: Behaviour): Promise<RawReceiver> {
  const sockets = new Set<Socket>();
  const waiting = new Set<() => void>();
  const chunks: string[] = [];
  let connections = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    sockets.add(socket);
    // The sender breaks off whenever it likes; that is what these tests are about.
    socket.on('error', () => {});
    socket.on('data', (chunk) => chunks.push(chunk.toString('latin1')));
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) for (const tell of waiting) tell();
    });
    behave(socket, connections);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  cleanup.after(async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });

  return {
    url: new URL(`http://127.0.0.1:${port}/webhooks`),
    port,
    connections: () => connections,
    open: () => sockets.size,
    received: () => chunks.join(''),
    async allClosed() {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.add(resolve);
      // One that does not read does not hear the end either.
      for (const socket of sockets) socket.resume();
      if (sockets.size === 0) resolve();
      await within('all connections are closed', promise);
      waiting.delete(resolve);
    },
  };
}

/** The same bytes for each request; a request is whatever comes in one piece. */
export function answering(bytes: string | Buffer): Behaviour {
  return (socket) => socket.on('data', () => socket.write(bytes));
}

/** One answer to the first request, then a piece again and again, as fast as it is taken. */
export function pouring(head: string, piece: string | Buffer): Behaviour {
  return (socket) =>
    socket.once('data', () => {
      socket.write(head);
      const pour = () => {
        while (!socket.destroyed && socket.write(piece));
      };
      socket.on('drain', pour);
      pour();
    });
}

/** One answer to the first request, then a piece at intervals. */
export function dripping(head: string, piece: string, everyMs: number): Behaviour {
  return (socket) =>
    socket.once('data', () => {
      socket.write(head);
      const timer = setInterval(() => socket.write(piece), everyMs);
      socket.once('close', () => clearInterval(timer));
    });
}
