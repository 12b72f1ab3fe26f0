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

const CONNECT_MS_MAX = 5_000;
const LOCK_WAIT_MS_MAX = 5_000;

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

export interface MigrationState extends Migration {
  isApplied: boolean;
}

/** Every migration that this program knows, in their order. Changes nothing. */
export async function migrationStates(
  url: string,
  migrations = readMigrations(),
): Promise<MigrationState[]> {
  return await connected(url, async (client) => {
    const missing = new Set(missingMigrations(await applied(client), migrations));
    return migrations.map((migration) => ({ ...migration, isApplied: !missing.has(migration) }));
  });
}

/** For a server that may not migrate by itself. */
export async function expectMigrated(url: string): Promise<void> {
  const missing = (await migrationStates(url)).filter(({ isApplied }) => !isApplied);
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(', ');
  throw new Error(
    `migrations are missing (${names}), and POSTHORN_MIGRATE is never: run "posthorn migrate".`,
  );
}

async function migrateOnce(
  client: pg.Client,
  migrations: readonly Migration[],
): Promise<string | null> {
  await client.query('begin');
  try {
    await client.query('select pg_advisory_xact_lock($1, $2)', [...LOCK]);
    // A table that somebody uses in a long transaction: everybody else would queue behind this one.
    await client.query(`set local lock_timeout = ${LOCK_WAIT_MS_MAX}`);
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

/** Does something on a connection of its own. */
export async function connected<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'posthorn migrate',
    connectionTimeoutMillis: CONNECT_MS_MAX,
  });
  // What fails because of it says so.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (cause) {
    // One for each address that was tried has no message of its own.
    const { message, code } = cause as Error & { code?: string };
    throw new Error(`it cannot be reached: ${message || code}.`, { cause });
  }
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export function readMigrations(): Migration[] {
  return migrationsIn(FOLDER);
}
