import type { DatabaseSync } from 'node:sqlite';
import {
  type AppliedMigration,
  type Migration,
  migrationsIn,
  missingMigrations,
} from '../migrations.ts';
import { brokenOr, StoreBrokenError } from './faults.ts';

const FOLDER = new URL('./migrations/', import.meta.url);

/** Brings the schema up to date; each migration is one transaction. Answers the names that ran. */
export function migrate(db: DatabaseSync, migrations = readMigrations()): string[] {
  db.exec(`
    create table if not exists schema_migrations (
      number integer primary key,
      name text not null,
      checksum text not null
    ) strict
  `);
  const applied = db.prepare('select number, name, checksum from schema_migrations').all();
  const missing = missingMigrations(applied as unknown as AppliedMigration[], migrations);
  for (const migration of missing) apply(db, migration);
  return missing.map((migration) => migration.name);
}

function apply(db: DatabaseSync, { number, name, sql, checksum }: Migration): void {
  db.exec('begin immediate');
  try {
    db.exec(sql);
    db.prepare('insert into schema_migrations (number, name, checksum) values (?, ?, ?)').run(
      number,
      name,
      checksum,
    );
    db.exec('commit');
  } catch (cause) {
    const ending = brokenOr(cause);
    if (ending instanceof StoreBrokenError) throw ending;
    if (db.isTransaction) db.exec('rollback');
    const reason = (cause as Error).message;
    throw new Error(`The migration ${name} failed, the schema is as it was before: ${reason}.`, {
      cause,
    });
  }
}

export function readMigrations(): Migration[] {
  return migrationsIn(FOLDER);
}
