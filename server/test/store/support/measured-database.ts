import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { migrate } from '../../../src/store/sqlite/migrate.ts';
import type { Operations } from '../../../src/store/sqlite/operation-types.ts';
import { createOperations } from '../../../src/store/sqlite/operations.ts';

/** What Node counts for each statement; its types do not know it yet. */
interface Counting {
  /** `vmStep`: instructions of SQLite's machine, the same on every computer. */
  stat(counter: 'vmStep'): number;
  resetStats(): void;
}

interface Prepared {
  sql: string;
  statement: StatementSync & Counting;
}

class RecordingDatabase extends DatabaseSync {
  readonly prepared: Prepared[] = [];

  override prepare(sql: string): StatementSync {
    const statement = super.prepare(sql) as Prepared['statement'];
    this.prepared.push({ sql, statement });
    return statement;
  }

  /** How SQLite would run a statement, line by line. */
  planOf(sql: string): string[] {
    return super
      .prepare(`explain query plan ${sql}`)
      .all()
      .map(({ detail }) => String(detail));
  }
}

/** The store's operations on an empty database, and what their statements cost. */
export interface MeasuredStore {
  db: DatabaseSync;
  operations: Operations;
  /** The indexes by which the statements of these calls find rows of `deliveries`, each once. */
  indexesOf(calls: () => unknown): string[];
  /** Steps that SQLite makes for these calls. */
  stepsOf(calls: () => unknown): number;
}

export function openMeasured(): MeasuredStore {
  const db = new RecordingDatabase(':memory:');
  migrate(db);
  db.prepared.length = 0;
  let ids = 0;
  const newId = () => `del_made${String(++ids).padStart(20, '0')}`;
  const operations = createOperations(db, { newId, madePending() {}, madeEvent() {} });
  const statements = [...db.prepared];

  function run(calls: () => unknown): Prepared[] {
    for (const { statement } of statements) statement.resetStats();
    calls();
    return statements.filter(({ statement }) => statement.stat('vmStep') > 0);
  }

  return {
    db,
    operations,
    indexesOf(calls) {
      const plans = run(calls).flatMap(({ sql }) => db.planOf(sql));
      const indexes = plans.map((line) => / USING .*INDEX (deliveries_\w+)/.exec(line)?.[1]);
      return [...new Set(indexes.filter((index) => index !== undefined))].sort();
    },
    stepsOf(calls) {
      return run(calls).reduce((sum, { statement }) => sum + statement.stat('vmStep'), 0);
    },
  };
}
