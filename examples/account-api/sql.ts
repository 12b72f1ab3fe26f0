/** What a statement is given for `$1`, `$2`, …; times are text, as the API shows them. */
export type Value = string | number | null;

export interface Sql {
  readonly dialect: Dialect;
  query<Row extends object>(text: string, ...values: Value[]): Promise<Row[]>;
}

/** Where the two databases differ. */
export interface Dialect {
  /** The type of a key that counts up and never takes a number twice. */
  readonly counter: string;
  /** Ends a `select` whose rows nobody else changes until the transaction has ended. */
  readonly rowLock: string;
}

export interface Database extends Sql {
  /**
   * All of it or nothing: an error thrown by `work` undoes everything and is thrown on. `work` uses what
   * it is given; the database itself is waiting for it to end.
   */
  transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** A rule of the tables refused a statement: a value that is there already, or a row that others refer to. */
export class ConstraintError extends Error {
  readonly constraint: 'unique' | 'reference';

  constructor(constraint: 'unique' | 'reference', cause: unknown) {
    super(`The ${constraint} constraint of a table refused a statement.`, { cause });
    this.name = 'ConstraintError';
    this.constraint = constraint;
  }
}

/** The database cannot be reached, or more wait for it than may wait. */
export class UnavailableError extends Error {
  constructor(cause?: unknown) {
    super('The database takes no work at the moment.', { cause });
    this.name = 'UnavailableError';
  }
}
