import pg from 'pg';

/** How the server ran a statement, and over how many pages. */
export interface Explained {
  sql: string;
  steps: Step[];
  /** Pages that were touched, in memory or on disk. */
  buffers: number;
}

export interface Step {
  kind: string;
  /** The table that it reads, or undefined. */
  table: string | undefined;
  /** Rows that it looked at, those that it threw away among them. */
  rows: number;
}

/**
 * What any client of this process sends while `calls` are made, each statement run twice: first with what
 * the server says of it, which is undone, then as it was meant.
 */
export async function explained(calls: () => Promise<unknown>): Promise<Explained[]> {
  const { prototype } = pg.Client;
  const { query } = prototype;
  const explaining: Promise<Explained>[] = [];
  prototype.query = function explainingQuery(this: pg.Client, ...args: Sent) {
    const send = (...sent: Sent): Promise<pg.QueryResult> => Reflect.apply(query, this, sent);
    const [first] = args;
    const { text: sql, values = [] } =
      typeof first === 'string' ? { text: first, values: args[1] } : first;
    if (IS_EXPLAINED.test(sql)) {
      void send('savepoint before');
      const answer = send(`explain (analyze, buffers, format json) ${sql}`, values);
      void send('rollback to before');
      explaining.push(answer.then(({ rows }) => explainedAs(sql, rows[0]['QUERY PLAN'])));
    }
    return send(...args);
  } as typeof query;
  try {
    await calls();
  } finally {
    prototype.query = query;
  }
  return await Promise.all(explaining);
}

/** A statement that is kept by the server is an object with its name. */
type Sent = [string, unknown[]?] | [pg.QueryConfig];

/** In a transaction all of these are. */
const IS_EXPLAINED = /^\s*(?:select|with|insert|update|delete)\b/;

function explainedAs(sql: string, [{ Plan: plan }]: [{ Plan: Plan }]): Explained {
  return { sql, steps: stepsOf(plan), buffers: buffersOf(plan) };
}

/** Pages that the statements of these calls touch. */
export async function pagesOf(calls: () => Promise<unknown>): Promise<number> {
  return (await explained(calls)).reduce((sum, { buffers }) => sum + buffers, 0);
}

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Join Filter'?: number;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: Plan[];
}

function buffersOf(plan: Plan): number {
  return plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
}

function stepsOf(plan: Plan): Step[] {
  const removed =
    (plan['Rows Removed by Filter'] ?? 0) + (plan['Rows Removed by Join Filter'] ?? 0);
  const step = {
    kind: plan['Node Type'],
    table: plan['Relation Name'],
    rows: (plan['Actual Rows'] + removed) * plan['Actual Loops'],
  };
  return [step, ...(plan.Plans ?? []).flatMap(stepsOf)];
}
