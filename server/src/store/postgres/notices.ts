import pg from 'pg';

const CHANNEL = 'posthorn_wakes';
/** A notification takes a lock of the whole database at its commit: those that come together are one. */
const TOGETHER_MS = 20;
const RECONNECT_MS = 1_000;
const CONNECT_MS_MAX = 5_000;

/**
 * Tells other nodes that something was left for them, and hears when they say so. It only hastens: what
 * is said is not what was left, and may get lost; whoever looks by itself every now and then misses
 * nothing.
 */
export interface Notices {
  /** Something was committed that other nodes have to act upon. */
  tell(): void;
  close(): Promise<void>;
}

export interface Listening {
  /** Leads to the database without a pooler in transaction mode: behind one nothing is heard. */
  url: string;
  heard: () => void;
}

/** `pool` is for what is told. */
export function openNotices(pool: pg.Pool, listening: Listening | null): Notices {
  let telling: NodeJS.Timeout | null = null;
  let connecting: Promise<void> | null = null;
  let client: pg.Client | null = null;
  let again: NodeJS.Timeout | null = null;
  let isClosed = false;
  if (listening !== null) connecting = listen(listening);

  return {
    tell() {
      telling ??= setTimeout(() => {
        telling = null;
        // Unheard it costs a moment; the next one says it again.
        pool.query(`select pg_notify('${CHANNEL}', '')`).catch(() => {});
      }, TOGETHER_MS);
    },
    async close() {
      isClosed = true;
      if (telling !== null) clearTimeout(telling);
      if (again !== null) clearTimeout(again);
      await connecting;
      await client?.end().catch(() => {});
    },
  };

  async function listen(by: Listening): Promise<void> {
    const next = new pg.Client({
      connectionString: by.url,
      application_name: 'posthorn listen',
      connectionTimeoutMillis: CONNECT_MS_MAX,
      keepAlive: true,
    });
    // A connection that dies says so, and another one takes its place.
    next.on('error', () => {});
    next.once('end', () => retry(by));
    next.on('notification', by.heard);
    try {
      await next.connect();
      await next.query(`listen ${CHANNEL}`);
      client = next;
      // What was said while nobody listened.
      by.heard();
    } catch {
      await next.end().catch(() => {});
      retry(by);
    }
  }

  function retry(by: Listening): void {
    client = null;
    if (isClosed || again !== null) return;
    again = setTimeout(() => {
      again = null;
      if (!isClosed) connecting = listen(by);
    }, RECONNECT_MS);
  }
}
