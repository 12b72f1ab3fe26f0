import type { GuardedConnect } from './connect-guard.ts';
import { Connection, type Origin } from './connection.ts';
import { LinkedList } from './linked-list.ts';

/** What stays of an origin while it has connections. */
interface Known {
  count: number;
  /** The one used most recently comes last, and is taken first: the others may grow old and close. */
  idle: Connection[];
}

/**
 * The connections to all origins, each for one exchange at a time, and bounded in all. At the bound
 * the one that has been idle for the longest gives way; an origin without connections is forgotten.
 * undici's own pool looks through all its clients for a free one at each request, and keeps every
 * origin's to itself.
 */
export class Connections {
  readonly #connect: GuardedConnect;
  readonly #max: number;
  readonly #origins = new Map<string, Known>();
  /** Idle ones of all origins, by the time of their last use. */
  readonly #idle = new LinkedList<Connection>();
  readonly #open = new Set<Connection>();
  #isClosed = false;

  constructor(connect: GuardedConnect, { socketsMax }: { socketsMax: number }) {
    this.#connect = connect;
    this.#max = socketsMax;
  }

  get size(): number {
    return this.#open.size;
  }

  get originCount(): number {
    return this.#origins.size;
  }

  /** An idle connection, or a new one; null when every one there may be is in use, and when closed. */
  take(origin: Origin): Connection | null {
    const connection = this.#origins.get(origin.key)?.idle.pop();
    if (connection === undefined) return this.takeFresh(origin);
    this.#idle.remove(connection);
    return connection;
  }

  takeFresh(origin: Origin): Connection | null {
    if (this.#isClosed) return null;
    if (this.#open.size >= this.#max && !this.#closeOldestIdle()) return null;
    const connection = new Connection(origin, this.#connect, () =>
      this.#closedWhileIdle(connection),
    );
    this.#open.add(connection);
    this.#known(origin.key).count += 1;
    return connection;
  }

  /** After an exchange: kept for the next one when it can be. */
  giveBack(connection: Connection): void {
    if (!connection.isReusable) {
      this.#close(connection);
      return;
    }
    connection.rest();
    this.#known(connection.origin.key).idle.push(connection);
    this.#idle.add(connection);
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#open) this.#close(connection);
  }

  #known(key: string): Known {
    const known = this.#origins.get(key);
    if (known !== undefined) return known;
    const unused = { count: 0, idle: [] };
    this.#origins.set(key, unused);
    return unused;
  }

  #closeOldestIdle(): boolean {
    const { oldest } = this.#idle;
    if (oldest === null) return false;
    this.#closedWhileIdle(oldest);
    return true;
  }

  #closedWhileIdle(connection: Connection): void {
    if (!this.#idle.remove(connection)) return;
    const { idle } = this.#known(connection.origin.key);
    idle.splice(idle.indexOf(connection), 1);
    this.#close(connection);
  }

  #close(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    connection.close();
    const { key } = connection.origin;
    const known = this.#known(key);
    known.count -= 1;
    if (known.count === 0) this.#origins.delete(key);
  }
}
