import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** How a call of the database fails, as SQLite does it: https://www.sqlite.org/rescode.html */
export const FAULTS = ['busy', 'full', 'I/O', 'I/O after the fact'] as const;
export type FaultKind = (typeof FAULTS)[number];

export interface FaultPlan {
  kind: FaultKind;
  /** The call that fails first, counted from 0. */
  at: number;
  /** How many fail from there on. */
  times: number;
}

const CODES: Record<FaultKind, number> = {
  busy: 5,
  full: 13,
  // SQLITE_IOERR_WRITE, and SQLITE_IOERR_FSYNC.
  'I/O': 778,
  'I/O after the fact': 1_034,
};

/** Counts the calls over all databases that it was given, and makes some fail. */
export class FaultInjector {
  calls = 0;
  injected = 0;
  readonly #plan: FaultPlan | null;

  constructor(plan: FaultPlan | null) {
    this.#plan = plan;
  }

  /** From here on every run of a statement that is prepared counts. */
  infect(db: DatabaseSync): void {
    const prepare = db.prepare.bind(db);
    db.prepare = (...args) => this.#infected(db, prepare(...args));
  }

  #infected(db: DatabaseSync, statement: StatementSync): StatementSync {
    for (const method of ['run', 'get', 'all', 'iterate'] as const) {
      const real = statement[method].bind(statement) as (...values: unknown[]) => unknown;
      const infected = (...values: unknown[]) => this.#call(db, () => real(...values));
      Object.defineProperty(statement, method, { value: infected });
    }
    return statement;
  }

  #call(db: DatabaseSync, real: () => unknown): unknown {
    const number = this.calls;
    this.calls += 1;
    const plan = this.#plan;
    if (plan === null || number < plan.at || number >= plan.at + plan.times) return real();
    this.injected += 1;
    if (plan.kind === 'I/O after the fact') real();
    // SQLite rolls back by itself when the disk is full.
    if (plan.kind === 'full' && db.isTransaction) db.exec('rollback');
    throw Object.assign(new Error(`injected: ${plan.kind}`), {
      code: 'ERR_SQLITE_ERROR',
      errcode: CODES[plan.kind],
      errstr: `injected ${plan.kind}`,
    });
  }
}
