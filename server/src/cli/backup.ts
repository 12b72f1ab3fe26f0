import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { backUp, restore } from '../store/sqlite/copy.ts';
import type { Settings } from './settings.ts';

type DataPlace = Pick<Settings, 'dataDir' | 'databaseUrl'>;

/** `posthorn backup <file>`: works beside a running server, which needs not know. */
export async function backupCommand(settings: DataPlace, target: string): Promise<void> {
  const dataFile = dataFileOf(settings);
  await backUp(dataFile, target);
  console.log(
    `${target} is a checked copy of ${dataFile}. Keep it apart from the encryption key, ` +
      'without which the secrets in it cannot be read.',
  );
}

/** `posthorn restore <file>`: only while no server runs on that data. */
export async function restoreCommand(
  settings: DataPlace,
  backupFile: string,
  { force }: { force: boolean },
): Promise<void> {
  const dataFile = dataFileOf(settings);
  mkdirSync(dirname(dataFile), { recursive: true });
  const aside = await restore(backupFile, dataFile, { force, now: new Date() });
  if (aside !== null) console.log(`What was there is kept as ${aside}.`);
  console.log(
    `${dataFile} is what ${backupFile} was; start the server with the same encryption key.`,
  );
}

function dataFileOf({ dataDir, databaseUrl }: DataPlace): string {
  if (databaseUrl === null) return join(dataDir, 'posthorn.db');
  if (databaseUrl.kind === 'postgres') {
    throw new Error('PostgreSQL has its own programs for this: pg_dump and pg_restore.');
  }
  if (databaseUrl.path === ':memory:') throw new Error('A database in memory has no file to copy.');
  return databaseUrl.path;
}
