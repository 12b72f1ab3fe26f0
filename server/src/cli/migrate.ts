import { distributeTables } from '../store/postgres/distribution.ts';
import { connected, migrate, migrationStates } from '../store/postgres/migrate.ts';
import type { Settings } from './settings.ts';

/**
 * `posthorn migrate`. Answers whether the schema is up to date, as far as that was asked: `status` of
 * one that is not is a failure, so that a deployment can wait for it.
 */
export async function migrateCommand(
  { databaseUrl }: Pick<Settings, 'databaseUrl'>,
  mode: 'run' | 'status' | 'dry-run' | 'distribute',
): Promise<boolean> {
  if (databaseUrl?.kind !== 'postgres') {
    throw new Error(
      'A data file is migrated by the server that starts on it. For PostgreSQL set POSTHORN_DATABASE_URL.',
    );
  }
  try {
    switch (mode) {
      case 'run':
        return await run(databaseUrl.url);
      case 'status':
        return await status(databaseUrl.url);
      case 'dry-run':
        return await dryRun(databaseUrl.url);
      case 'distribute':
        return (await run(databaseUrl.url)) && (await distribute(databaseUrl.url));
    }
  } catch (cause) {
    throw new Error(`The database was not migrated: ${(cause as Error).message}`, { cause });
  }
}

async function run(url: string): Promise<boolean> {
  const names = await migrate(url);
  for (const name of names) console.log(`${name}: done`);
  if (names.length === 0) console.log('Nothing to do: the schema is up to date.');
  return true;
}

async function distribute(url: string): Promise<boolean> {
  const done = await connected(url, distributeTables);
  for (const sentence of done) console.log(sentence);
  if (done.length === 0) console.log('Nothing to do: the tables are distributed.');
  return true;
}

async function status(url: string): Promise<boolean> {
  const states = await migrationStates(url);
  for (const { name, isApplied } of states) {
    console.log(`${name}: ${isApplied ? 'has run' : 'is missing'}`);
  }
  return states.every(({ isApplied }) => isApplied);
}

async function dryRun(url: string): Promise<boolean> {
  const missing = (await migrationStates(url)).filter(({ isApplied }) => !isApplied);
  for (const { name, sql } of missing) console.log(`-- ${name}\n${sql}`);
  if (missing.length === 0) console.log('-- Nothing to do: the schema is up to date.');
  return true;
}
