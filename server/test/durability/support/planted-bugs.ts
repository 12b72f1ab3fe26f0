// Loaded into a server with `--import`, in each of its threads: the defects that the order of system
// calls must show. A test that finds nothing here could not fail at all.
import { DatabaseSync, type StatementSync } from 'node:sqlite';

const { PLANTED_BUG } = process.env;
const EARLY_MS = 300;
const prepare = DatabaseSync.prototype.prepare;

/** Commits without a sync. */
function plantUnsynced(): void {
  DatabaseSync.prototype.prepare = function (sql, ...options): StatementSync {
    if (sql === 'begin immediate') this.exec('pragma synchronous = off');
    return prepare.call(this, sql, ...options);
  };
}

/** Answers when the statements have run, and commits a little later. */
function plantEarlyAnswer(): void {
  DatabaseSync.prototype.prepare = function (sql, ...options): StatementSync {
    const statement = prepare.call(this, sql, ...options);
    const run = statement.run.bind(statement);
    if (sql === 'begin immediate') {
      statement.run = () => {
        if (this.isTransaction) this.exec('commit');
        return run();
      };
    }
    if (sql === 'commit') {
      statement.run = () => {
        setTimeout(() => {
          if (this.isTransaction) run();
        }, EARLY_MS);
        return { changes: 0, lastInsertRowid: 0 };
      };
    }
    return statement;
  };
}

if (PLANTED_BUG === 'unsynced') plantUnsynced();
if (PLANTED_BUG === 'early answer') plantEarlyAnswer();
