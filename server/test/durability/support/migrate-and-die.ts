// Run as a process of its own: migrates a file, and kills itself before a certain statement.
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { migrate, readMigrations } from '../../../src/store/sqlite/migrate.ts';
import { LATER_MIGRATION } from './later-migration.ts';

const [, , which, file = '', at] = process.argv;
let left = Number(at);

class MortalDatabase extends DatabaseSync {
  /** One statement at a time, where SQLite would run them all. */
  override exec(sql: string): void {
    for (const statement of statementsOf(sql)) {
      dieWhenDue();
      super.exec(statement);
    }
  }

  override prepare(sql: string): StatementSync {
    dieWhenDue();
    return super.prepare(sql);
  }
}

function dieWhenDue(): void {
  if (left === 0) process.kill(process.pid, 'SIGKILL');
  left -= 1;
}

/** Every statement of a migration ends its line; comments may be anywhere. */
function statementsOf(sql: string): string[] {
  const withoutComments = (statement: string) => statement.replaceAll(/^\s*--.*$/gm, '').trim();
  return sql.split(/;[ \t]*(?:\n|$)/).filter((statement) => withoutComments(statement) !== '');
}

const db = new MortalDatabase(file);
DatabaseSync.prototype.exec.call(db, 'pragma journal_mode = wal; pragma synchronous = full;');
migrate(db, which === 'later' ? [...readMigrations(), LATER_MIGRATION] : readMigrations());
