import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { troubleOf } from './faults.ts';

/**
 * One serving process per data file. The lock is an open `begin exclusive` on a small sibling SQLite
 * file: the operating system releases it when the process dies, so a crash blocks nobody. The data
 * file itself is never opened with `fs`: closing it would drop the POSIX locks that SQLite holds.
 */
export interface DataFileLock {
  release(): void;
}

export class DataFileInUseError extends Error {
  override name = 'DataFileInUseError';
}

/** A handle that nobody refers to is closed when its memory is collected, and its lock goes with it. */
const held = new Set<DatabaseSync>();

export function lockDataFile(path: string): DataFileLock {
  const lock = openLockFile(path);
  try {
    lock.exec('pragma journal_mode = delete; begin exclusive;');
  } catch (cause) {
    lock.close();
    if (troubleOf(cause) !== 'locked') throw cannotWrite(path, cause);
    throw new DataFileInUseError(
      `Another Posthorn server${describeOwner(path)} is using ${path}. ` +
        'Stop it first, or give this one a data directory of its own (POSTHORN_DATA_DIR).',
      { cause },
    );
  }
  writeFileSync(ownerFile(path), JSON.stringify({ pid: process.pid, host: hostname() }));
  held.add(lock);
  return {
    release() {
      held.delete(lock);
      lock.close();
    },
  };
}

function openLockFile(path: string): DatabaseSync {
  try {
    return new DatabaseSync(`${path}-lock`, { timeout: 0 });
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
}

function cannotWrite(path: string, cause: unknown): Error {
  return new Error(
    `Posthorn cannot write beside ${path} (${(cause as Error).message}): ` +
      'make its directory writable for this user, and make sure that the disk has room.',
    { cause },
  );
}

function ownerFile(path: string): string {
  return `${path}-owner`;
}

function describeOwner(path: string): string {
  try {
    const owner = JSON.parse(readFileSync(ownerFile(path), 'utf8'));
    return ` (process ${Number(owner.pid)} on ${String(owner.host)})`;
  } catch {
    // The file only makes the message friendlier; the lock has already given the answer.
    return '';
  }
}
