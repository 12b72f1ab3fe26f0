import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

const FILE_NAME = /^(\d{4})-[a-z0-9-]+\.sql$/;

export interface Migration {
  number: number;
  name: string;
  sql: string;
  checksum: string;
}

/** A row of `schema_migrations`. */
export interface AppliedMigration {
  number: number;
  name: string;
  checksum: string;
}

/** The numbered `.sql` files of a folder, in their order. */
export function migrationsIn(folder: URL): Migration[] {
  return readdirSync(folder)
    .filter((file) => FILE_NAME.test(file))
    .sort()
    .map((file) => {
      const sql = readFileSync(new URL(file, folder), 'utf8');
      const checksum = createHash('sha256').update(sql).digest('hex');
      return { number: Number(FILE_NAME.exec(file)?.[1]), name: file.slice(0, -4), sql, checksum };
    });
}

/** What has not run yet. Throws for data of a newer Posthorn, and of one that is not this one's past. */
export function missingMigrations(
  applied: readonly AppliedMigration[],
  migrations: readonly Migration[],
): Migration[] {
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
  const done = new Set(applied.map(({ number }) => number));
  return migrations.filter(({ number }) => !done.has(number));
}
