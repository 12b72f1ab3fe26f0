import pg from 'pg';
import {
  type AppliedMigration,
  type Migration,
  migrationsIn,
  missingMigrations,
} from '../migrations.ts';

const FOLDER = new URL('./migrations/', import.meta.url);

/** Any number that nobody else takes; two servers that start at once migrate one after the other. */
const LOCK = [0x706f7374, 0x6d696772] as const;

/**
 * Brings the schema up to date; each migration is one transaction, under a lock that ends with it.
 * Answers the names that ran.
 */
export async function migrate(url: string, migrations = readMigrations()): Promise<string[]> {
  return await connected(url, async (client) => {
    const names: string[] = [];
    for (;;) {
      const name = await migrateOnce(client, migrations);
      if (name === null) return names;
      names.push(name);
    }
  });
}

/** The names of what has not run yet, in their order. Changes nothing. */
export async function pendingMigrations(
  url: string,
  migrations = readMigrations(),
): Promise<string[]> {
  return await connected(url, async (client) => {
    return missingMigrations(await applied(client), migrations).map(({ name }) => name);
  });
}

async function migrateOnce(
  client: pg.Client,
  migrations: readonly Migration[],
): Promise<string | null> {
  await client.query('begin');
  try {
    await client.query('select pg_advisory_xact_lock($1, $2)', [...LOCK]);
    const [next] = missingMigrations(await applied(client), migrations);
    if (next !== undefined) await apply(client, next);
    await client.query('commit');
    return next?.name ?? null;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  }
}

async function apply(client: pg.Client, { number, name, sql, checksum }: Migration): Promise<void> {
  try {
    await client.query(`
      create table if not exists schema_migrations (
        number integer primary key,
        name text not null,
        checksum text not null
      )
    `);
    await client.query(sql);
    await client.query(
      'insert into schema_migrations (number, name, checksum) values ($1, $2, $3)',
      [number, name, checksum],
    );
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new Error(`The migration ${name} failed, the schema is as it was before: ${reason}.`, {
      cause,
    });
  }
}

async function applied(client: pg.Client): Promise<AppliedMigration[]> {
  const { rows: found } = await client.query(`select to_regclass('schema_migrations') as name`);
  if (found[0]?.name === null) return [];
  const { rows } = await client.query('select number, name, checksum from schema_migrations');
  return rows;
}

async function connected<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url, application_name: 'posthorn migrate' });
  // What fails because of it says so.
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export function readMigrations(): Migration[] {
  return migrationsIn(FOLDER);
}
