import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Cleanup } from './cleanup.ts';

/** A stretch of network between two real programs, which can be cut. It holds nothing back by itself. */
export interface TcpProxy {
  port: number;
  /** Breaks what is open, and refuses what comes. */
  cut(): void;
  /** Says nothing any more to either side, and takes what comes without an answer. */
  fallSilent(): void;
  /** Lets new connections through again; silent ones stay silent. */
  mend(): void;
}

export async function startTcpProxy(cleanup: Cleanup, toPort: number): Promise<TcpProxy> {
  let state: 'open' | 'cut' | 'silent' = 'open';
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer({ noDelay: true }, (near) => {
    near.on('error', () => {});
    if (state === 'cut') {
      near.destroy();
      return;
    }
    if (state === 'silent') {
      near.pause();
      return;
    }
    const far = connect({ port: toPort, host: '127.0.0.1', noDelay: true });
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [one, other] of [pair, [far, near] as const]) {
      one.on('error', () => {});
      one.on('close', () => {
        other.destroy();
        pairs.delete(pair);
      });
    }
    near.pipe(far);
    far.pipe(near);
  });
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    state = 'cut';
    for (const socket of open) socket.destroy();
  };
  cleanup.after(() => {
    cut();
    server.close();
  });

  return {
    port: (server.address() as AddressInfo).port,
    cut,
    fallSilent() {
      state = 'silent';
      for (const [near, far] of pairs) {
        near.unpipe(far);
        far.unpipe(near);
        near.pause();
        far.pause();
      }
    },
    mend() {
      state = 'open';
    },
  };
}
