import { DatabaseSync } from 'node:sqlite';

interface Row {
  id: string;
  body: Uint8Array;
}

/** How long a handled event is remembered; longer than its sender tries. */
const REMEMBERED_MS = 7 * 24 * 3_600_000;
const RETRY_MS_MAX = 3_600_000;

/** A durable queue in one file that also knows which events have come before. */
export class EventQueue {
  readonly #db: DatabaseSync;

  constructor(file: string) {
    // A writer elsewhere is waited for; later than that the sender had better come again.
    this.#db = new DatabaseSync(file, { timeout: 1_000 });
    this.#db.exec(`
      pragma journal_mode = wal;
      pragma synchronous = full;
      create table if not exists events (
        id text primary key,
        body blob not null,
        due_ms integer not null,
        failures integer not null default 0,
        handled_ms integer
      );
      create index if not exists events_due on events (due_ms) where handled_ms is null;
    `);
  }

  /** On the disk when this returns, whichever it was. */
  add(id: string, body: Buffer): 'queued' | 'duplicate' {
    const { changes } = this.#db
      .prepare(`
        insert into events (id, body, due_ms)
        values (?, ?, ?)
        on conflict (id) do nothing
      `)
      .run(id, body, Date.now());
    return changes === 1 ? 'queued' : 'duplicate';
  }

  next(): Row | undefined {
    return this.#db
      .prepare(`
        select id, body
        from events
        where handled_ms is null and due_ms <= ?
        order by due_ms
        limit 1
      `)
      .get(Date.now()) as Row | undefined;
  }

  markHandled(id: string): void {
    this.#db.prepare(`update events set handled_ms = ? where id = ?`).run(Date.now(), id);
  }

  /** Due again after 1 s, 2 s, 4 s … up to an hour. */
  postpone(id: string): void {
    this.#db
      .prepare(`
        update events
        set failures = failures + 1,
          due_ms = ? + min(1000 << min(failures, 20), ?)
        where id = ?
      `)
      .run(Date.now(), RETRY_MS_MAX, id);
  }

  forgetOld(): void {
    this.#db.prepare(`delete from events where handled_ms < ?`).run(Date.now() - REMEMBERED_MS);
  }
}
