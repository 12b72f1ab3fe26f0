import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { lockDataFile } from './lock.ts';

/** Pages that are copied in one step. */
const STEP_PAGES = 1_000;
const BUSY_TIMEOUT_MS = 5_000;

/**
 * Copies the data file as it is at one moment, while a server may be writing to it, and checks the
 * copy. It reads through one open transaction: what is committed meanwhile stays out, and nothing
 * makes it begin again (`docs/decisions/0005-backup.md`). A file that is there is never replaced.
 */
export async function backUp(dataFile: string, target: string): Promise<void> {
  if (existsSync(target)) throw new Error(`${target} exists: name a file that does not.`);
  await putInPlace(dataFile, target, () => {});
}

/**
 * Puts a backup where the data file is, or is to be. No server may be running. Data that is there is
 * kept aside when `force` is given, and stands in the way otherwise. Answers where it was put.
 */
export async function restore(
  backupFile: string,
  dataFile: string,
  { force, now }: { force: boolean; now: Date },
): Promise<string | null> {
  const lock = lockDataFile(dataFile);
  try {
    const isThere = existsSync(dataFile);
    if (isThere && !force) {
      throw new Error(
        `There is data at ${dataFile}: with --force it is kept under another name, and the backup takes its place.`,
      );
    }
    const aside = `${dataFile}.before-restore-${now.toISOString().replaceAll(/[:.]/g, '-')}`;
    await putInPlace(backupFile, dataFile, () => moveAside(dataFile, aside));
    return isThere ? aside : null;
  } finally {
    lock.release();
  }
}

/** Nothing is changed before the copy is complete, checked and on the disk. */
async function putInPlace(from: string, to: string, makeRoom: () => void): Promise<void> {
  const partial = `${to}.${process.pid}.partial`;
  try {
    await copySnapshot(from, partial);
    check(partial, from);
    makeRoom();
    renameSync(partial, to);
    syncFolder(to);
  } finally {
    for (const suffix of ['', '-wal', '-shm', '-journal'])
      rmSync(partial + suffix, { force: true });
  }
}

async function copySnapshot(from: string, partial: string): Promise<void> {
  const source = openSource(from);
  try {
    // It holds customers' events and sealed secrets: readable by its owner alone from the first byte.
    writeFileSync(partial, '', { flag: 'wx', mode: 0o600 });
    chmodSync(partial, 0o600);
    await backup(source, partial, { rate: STEP_PAGES });
  } finally {
    source.close();
  }
}

/** With a transaction open, so that every step reads the same moment. */
function openSource(path: string): DatabaseSync {
  if (!existsSync(path)) throw new Error(`There is no data at ${path}.`);
  const source = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    source.exec('begin');
    const found = source.prepare(`select 1 from sqlite_schema where name = 'schema_migrations'`);
    if (found.get() !== undefined) return source;
  } catch (cause) {
    source.close();
    throw new Error(`${path} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  source.close();
  throw new Error(`${path} is not data of Posthorn.`);
}

function check(partial: string, from: string): void {
  const copy = new DatabaseSync(partial);
  try {
    // One file, without a log beside it, that can be read from a read-only place as well.
    copy.exec('pragma journal_mode = delete');
    const found = copy.prepare('pragma quick_check(1)').get()?.quick_check;
    if (found !== 'ok') throw new Error(String(found));
  } catch (cause) {
    throw new Error(`${from} is damaged, nothing was changed: ${(cause as Error).message}.`, {
      cause,
    });
  } finally {
    copy.close();
  }
}

/** A log must never stay behind: SQLite would read it into the data file that takes the place. */
function moveAside(dataFile: string, aside: string): void {
  for (const suffix of ['', '-wal']) {
    if (existsSync(dataFile + suffix)) renameSync(dataFile + suffix, aside + suffix);
  }
  rmSync(`${dataFile}-shm`, { force: true });
}

function syncFolder(path: string): void {
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}
