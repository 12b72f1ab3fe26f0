import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { brokenOr, StoreBrokenError } from './faults.ts';

const FOLDER = new URL('./migrations/', import.meta.url);
const FILE_NAME = /^(\d{4})-[a-z0-9-]+\.sql$/;

export interface Migration {
  number: number;
  name: string;
  sql: string;
  checksum: string;
}

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
  refuseForeignSchema(applied, migrations);
  const done = new Set(applied.map((row) => row.number));
  const missing = migrations.filter((migration) => !done.has(migration.number));
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

function refuseForeignSchema(
  applied: readonly Record<string, unknown>[],
  migrations: readonly Migration[],
): void {
  for (const row of applied) {
    const known = migrations.find((migration) => migration.number === row.number);
    if (known === undefined) {
      throw new Error(
        `The data was written by a newer Posthorn (migration ${row.name}); use that version or a newer one.`,
      );
    }
    if (known.checksum !== row.checksum) {
      throw new Error(`The migration ${known.name} is not the one that this data was made with.`);
    }
  }
}

export function readMigrations(): Migration[] {
  return readdirSync(FOLDER)
    .filter((file) => FILE_NAME.test(file))
    .sort()
    .map((file) => {
      const sql = readFileSync(new URL(file, FOLDER), 'utf8');
      const checksum = createHash('sha256').update(sql).digest('hex');
      return { number: Number(FILE_NAME.exec(file)?.[1]), name: file.slice(0, -4), sql, checksum };
    });
}
