import type pg from 'pg';

/**
 * How the tables lie on a distributed PostgreSQL (Citus): what belongs to an account lies together by
 * account, and what every node asks for is kept whole. A table is in one of the three lists, which a
 * test holds against the migrations.
 */
export const DISTRIBUTED: Readonly<Record<string, string>> = {
  accounts: 'id',
  webhooks: 'account_id',
  lanes: 'account_id',
  events: 'account_id',
  deliveries: 'account_id',
  pending: 'account_id',
  attempts: 'account_id',
  recoveries: 'account_id',
  idempotency: 'account_id',
};

/** Small, and read by everybody. */
export const REFERENCE: readonly string[] = ['event_types', 'shards', 'nodes', 'wakes'];

/** On the coordinator alone: read when a process starts. */
export const LOCAL: readonly string[] = ['vault_check', 'engine_run', 'schema_migrations'];

const FIRST = 'accounts';

export class NotDistributedError extends Error {
  override name = 'NotDistributedError';
}

/**
 * Distributes the tables with Citus's own statements; what is distributed already stays as it is, so
 * it may be called again after a failure and after each migration. Answers what was done, as sentences.
 */
export async function distributeTables(client: pg.ClientBase): Promise<string[]> {
  if (!(await hasCitus(client))) {
    throw new NotDistributedError(
      'This database has no extension "citus": create it on the coordinator and on every worker ' +
        '(create extension citus), add the workers (citus_add_node), then distribute.',
    );
  }
  const known = await alreadyDistributed(client);
  const done: string[] = [];
  for (const table of REFERENCE) {
    if (known.has(table)) continue;
    await client.query('select create_reference_table($1)', [table]);
    done.push(`${table} is a reference table.`);
  }
  for (const [table, column] of Object.entries(DISTRIBUTED)) {
    if (known.has(table)) continue;
    if (table === FIRST) {
      await client.query('select create_distributed_table($1, $2)', [table, column]);
    } else {
      await client.query('select create_distributed_table($1, $2, colocate_with => $3)', [
        table,
        column,
        FIRST,
      ]);
    }
    done.push(`${table} is distributed by ${column}.`);
  }
  return done;
}

export async function hasCitus(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query(`select 1 from pg_extension where extname = 'citus'`);
  return rows.length > 0;
}

async function alreadyDistributed(client: pg.ClientBase): Promise<Set<string>> {
  const { rows } = await client.query(
    'select logicalrelid::regclass::text as name from pg_dist_partition',
  );
  return new Set(rows.map(({ name }) => String(name)));
}
