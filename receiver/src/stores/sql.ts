import type { EventStore } from './store.ts';

/**
 * Runs one statement on its own and resolves to the rows. With pg:
 * `async (text, values) => (await pool.query(text, [...values])).rows`; with node:sqlite:
 * `async (text, values) => db.prepare(text).all(...values)`.
 */
export type SqlQuery = (
  text: string,
  values: readonly (string | number)[],
) => Promise<readonly object[]>;

export interface SqlStoreOptions {
  /** `$1` for PostgreSQL, `?` for SQLite. */
  placeholders: '$1' | '?';
  /** Made with `sqlStoreTable`; `webhook_events` unless given. */
  table?: string;
  /** The present in Unix milliseconds, unless that is the clock of the machine. */
  now?: () => number;
}

export interface SqlStore extends EventStore {
  /** Deletes what was kept long enough, and resolves to how many rows that were: run it daily. */
  prune(): Promise<number>;
}

/** A statement deletes this many rows, so that none holds its locks for long. */
const PRUNED_AT_ONCE = 1_000;

/** The two statements that make the table; run them once, or put them into a migration. */
export function sqlStoreTable(table = 'webhook_events'): readonly string[] {
  checkName(table);
  return [
    `create table if not exists ${table} (
  id text primary key,
  token text not null,
  is_done integer not null,
  expires_at bigint not null
)`,
    `create index if not exists ${table}_expires_at on ${table} (expires_at)`,
  ];
}

/**
 * For all processes that share a PostgreSQL or SQLite database. Leases end by the clocks of the
 * processes: keep those within seconds of one another.
 */
export function sqlStore(
  query: SqlQuery,
  { placeholders, table = 'webhook_events', now = Date.now }: SqlStoreOptions,
): SqlStore {
  checkName(table);
  const run = (text: string, values: readonly (string | number)[]) =>
    query(placeholders === '?' ? text.replace(/\$\d/g, '?') : text, values);

  return {
    async claim(id, token, leaseMs) {
      const claimed = await run(
        `insert into ${table} (id, token, is_done, expires_at)
values ($1, $2, 0, $3)
on conflict (id) do update
set token = excluded.token, is_done = 0, expires_at = excluded.expires_at
where ${table}.expires_at <= $4
returning id`,
        [id, token, now() + leaseMs, now()],
      );
      if (claimed.length > 0) return { outcome: 'claimed' };

      const [row] = await run(`select is_done, expires_at from ${table} where id = $1`, [id]);
      // It was released meanwhile.
      if (row === undefined) return { outcome: 'busy', freeInMs: 0 };
      const { is_done: isDone, expires_at: expiresAt } = row as Record<string, unknown>;
      if (Number(isDone) === 1) return { outcome: 'done' };
      return { outcome: 'busy', freeInMs: Math.max(0, Number(expiresAt) - now()) };
    },

    async commit(id, token, keepMs) {
      await run(
        `insert into ${table} (id, token, is_done, expires_at)
values ($1, $2, 1, $3)
on conflict (id) do update
set token = excluded.token, is_done = 1, expires_at = excluded.expires_at`,
        [id, token, now() + keepMs],
      );
    },

    async release(id, token) {
      await run(
        `delete from ${table}
where id = $1 and token = $2 and is_done = 0`,
        [id, token],
      );
    },

    async prune() {
      let pruned = 0;
      for (;;) {
        const gone = await run(
          `delete from ${table}
where id in (select id from ${table} where expires_at <= $1 limit ${PRUNED_AT_ONCE})
returning id`,
          [now()],
        );
        pruned += gone.length;
        if (gone.length < PRUNED_AT_ONCE) return pruned;
      }
    },
  };
}

/** It becomes part of statements. */
function checkName(table: string): void {
  if (/^[a-z_][a-z0-9_]{0,40}$/.test(table)) return;
  throw new TypeError('The table has a name of up to 41 lower-case letters, digits and _.');
}
