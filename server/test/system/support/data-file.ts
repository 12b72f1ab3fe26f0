import { DatabaseSync } from 'node:sqlite';

/** The server's data file, opened from outside, only to read. */
export interface DataFile {
  pendingCount(): number;
  deliveriesByStatus(): Record<string, number>;
  /** Deliveries that are neither ended without a due time nor pending with one. */
  brokenDeliveries(): number;
  /** Events that do not have so many deliveries. */
  eventsWithoutDeliveries(wanted: number): number;
  attemptCount(): number;
  /** Stored body by event id. */
  bodies(): Map<string, string>;
  quickCheck(): unknown;
  close(): void;
}

export function openDataFile(path: string): DataFile {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  const number = (sql: string, ...values: number[]) =>
    Number(Object.values(db.prepare(sql).get(...values) ?? {})[0]);
  return {
    pendingCount: () => number(`select count(*) from deliveries where status = 'pending'`),
    deliveriesByStatus() {
      const rows = db.prepare('select status, count(*) as n from deliveries group by status').all();
      return Object.fromEntries(rows.map((row) => [row.status, Number(row.n)]));
    },
    brokenDeliveries: () =>
      number(`
        select count(*)
        from deliveries
        where status not in ('pending', 'delivered', 'failed', 'cancelled')
          or (status = 'pending') <> (due_at is not null)
      `),
    eventsWithoutDeliveries: (wanted) =>
      number(
        `
        select count(*)
        from events e
        left join (
          select account_id, event_id, count(*) as n
          from deliveries
          group by account_id, event_id
        ) d on d.account_id = e.account_id and d.event_id = e.id
        where coalesce(d.n, 0) <> ?
      `,
        wanted,
      ),
    attemptCount: () => number('select sum(attempt_count) from deliveries'),
    bodies() {
      const rows = db.prepare('select body from events').all();
      return new Map(rows.map(({ body }) => [JSON.parse(String(body)).id, String(body)]));
    },
    quickCheck: () =>
      db
        .prepare('pragma quick_check')
        .all()
        .map((row) => row.quick_check),
    close: () => db.close(),
  };
}
