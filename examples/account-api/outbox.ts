import { randomUUID } from 'node:crypto';
import type { AccountEvents } from './events.ts';
import type { Database, Sql } from './sql.ts';

/** An event that was stored with the change it tells of, and is yet to be sent. */
export interface OutboxRow {
  /** Posthorn takes it as the idempotency key: however often the row is sent, there is one event. */
  readonly id: string;
  readonly type: keyof AccountEvents;
  /** JSON. */
  readonly data: string;
}

/** Stores an event in the transaction of its change. */
export type Emit = <Type extends keyof AccountEvents>(
  type: Type,
  data: AccountEvents[Type],
) => Promise<void>;

/** Changes something and says so, or does neither. */
export type Change = <Result>(work: (sql: Sql, emit: Emit) => Promise<Result>) => Promise<Result>;

/** `committed` is called after every change that was stored. */
export function createChange(database: Database, committed: () => void): Change {
  return async (work) => {
    const result = await database.transaction((sql) => work(sql, emitTo(sql)));
    committed();
    return result;
  };
}

function emitTo(sql: Sql): Emit {
  return async (type, data) => {
    await sql.query(
      `insert into outbox (id, type, data)
       values ($1, $2, $3)`,
      randomUUID(),
      type,
      JSON.stringify(data),
    );
  };
}

/** The oldest that wait, at most `rowsMax`. */
export function waitingRows(sql: Sql, rowsMax: number): Promise<OutboxRow[]> {
  return sql.query<OutboxRow>(
    `select id, type, data
     from outbox
     where refused_because is null
     order by position
     limit $1`,
    rowsMax,
  );
}

/** Posthorn has it, on its disk: the row has done its work. */
export async function markSent(sql: Sql, { id }: OutboxRow): Promise<void> {
  await sql.query('delete from outbox where id = $1', id);
}

/** It would be refused again: it is kept for an operator, and holds back nothing. */
export async function markRefused(sql: Sql, { id }: OutboxRow, because: string): Promise<void> {
  await sql.query('update outbox set refused_because = $2 where id = $1', id, because);
}

export async function outboxCounts(sql: Sql): Promise<{ waiting: number; refused: number }> {
  const [counts] = await sql.query<{ rows: number | string; refused: number | string }>(
    'select count(*) as rows, count(refused_because) as refused from outbox',
  );
  // PostgreSQL counts in a type that is text in JavaScript.
  const refused = Number(counts?.refused ?? 0);
  return { waiting: Number(counts?.rows ?? 0) - refused, refused };
}
