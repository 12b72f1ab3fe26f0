import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

const SESSIONS_MAX = 1_000;

/** Sessions to take up again, so that a second handshake with the same host costs half. */
export class TlsSessions {
  /** The host used least recently comes first. */
  readonly #sessions = new Map<string, Buffer>();

  of(host: string): { session?: Buffer } {
    const session = this.#sessions.get(host);
    return session === undefined ? {} : { session };
  }

  /**
   * Node does not compare the certificate's name again when a session is taken up: only a session
   * whose certificate was found right is kept.
   */
  keep(host: string, socket: Socket): void {
    const tls = socket as TLSSocket;
    let early: Buffer | null = null;
    tls.on('session', (session: Buffer) => {
      if (tls.authorized) this.#set(host, session);
      else early = session;
    });
    tls.once('secureConnect', () => {
      if (early !== null && tls.authorized) this.#set(host, early);
    });
  }

  #set(host: string, session: Buffer): void {
    this.#sessions.delete(host);
    this.#sessions.set(host, session);
    if (this.#sessions.size <= SESSIONS_MAX) return;
    for (const oldest of this.#sessions.keys()) {
      this.#sessions.delete(oldest);
      return;
    }
  }
}
