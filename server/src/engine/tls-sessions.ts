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
   * The name of the certificate is not compared again when a session is taken up: Node tells of a
   * session only when the certificate was found right.
   */
  keep(host: string, socket: TLSSocket): void {
    socket.on('session', (session) => this.#set(host, session));
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
