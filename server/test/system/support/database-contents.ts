import type pg from 'pg';

/** What a PostgreSQL database holds at the end, read from outside. */
export interface DatabaseContents {
  pendingCount(): Promise<number>;
  deliveriesByStatus(): Promise<Record<string, number>>;
  attemptCount(): Promise<number>;
  /** Stored body by event id. */
  bodies(): Promise<Map<string, string>>;
  /** All stored events in the order of their ids, a page at a time. */
  bodyPages(): AsyncIterable<readonly string[]>;
  /** Deliveries that are pending in one table and not in the other. */
  brokenDeliveries(): Promise<number>;
  wakesLeft(): Promise<number>;
  /** Of these deliveries, those with an attempt on record that had no answer in time. */
  unheardOf(deliveryIds: readonly string[]): Promise<Set<string>>;
  /** The shortest span in which more than `max` attempts on record began; null: there is none. */
  shortestSpanMs(type: string, max: number): Promise<number | null>;
}

const PAGE_ROWS_MAX = 5_000;
/** Failures of attempts whose request may have arrived. */
const UNHEARD = ['timeout', 'connection_reset', 'connection_failed'];

export function contentsOf(client: pg.Client): DatabaseContents {
  const number = async (sql: string) => Number(Object.values((await client.query(sql)).rows[0])[0]);
  return {
    pendingCount: () => number('select count(*) from pending'),
    attemptCount: () => number('select coalesce(sum(attempt_count), 0) from deliveries'),
    wakesLeft: () => number('select count(*) from wakes'),
    brokenDeliveries: () =>
      number(`
        select count(*)
        from deliveries d
        full join pending p on p.account_id = d.account_id and p.delivery_id = d.id
        where (d.status = 'pending') is distinct from (p.delivery_id is not null)
      `),
    async unheardOf(deliveryIds) {
      const { rows } = await client.query(
        `
          select id
          from deliveries d
          where id = any($1) and exists (
            select 1
            from attempts a
            where a.account_id = d.account_id and a.delivery_id = d.id and a.failure = any($2)
          )
        `,
        [deliveryIds.map((id) => id.replace('del_', '')), UNHEARD],
      );
      return new Set(rows.map(({ id }) => `del_${id}`));
    },
    async shortestSpanMs(type, max) {
      const { rows } = await client.query(
        `
          with moments as (
            select attempt_started_at as moment
            from deliveries
            where event_type = $1 and attempt_started_at is not null
            union all
            select a.started_at
            from attempts a
            join deliveries d on d.account_id = a.account_id and d.id = a.delivery_id
            where d.event_type = $1
          ),
          spans as (
            select moment - lag(moment, $2) over (order by moment) as span
            from moments
          )
          select min(span)::float8 as span
          from spans
        `,
        [type, max],
      );
      return rows[0].span;
    },
    async deliveriesByStatus() {
      const { rows } = await client.query(
        'select status, count(*)::int as n from deliveries group by status',
      );
      return Object.fromEntries(rows.map(({ status, n }) => [status, n]));
    },
    async *bodyPages() {
      let after = '';
      for (;;) {
        const { rows } = await client.query(
          'select id, body from events where id > $1 order by id limit $2',
          [after, PAGE_ROWS_MAX],
        );
        if (rows.length === 0) return;
        yield rows.map(({ body }) => body);
        after = rows.at(-1).id;
      }
    },
    async bodies() {
      const { rows } = await client.query('select body from events');
      return new Map(rows.map(({ body }) => [JSON.parse(body).id, body]));
    },
  };
}
