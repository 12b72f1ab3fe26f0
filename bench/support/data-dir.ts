import { randomBytes } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { undoAtExit } from './clean-up.ts';

/** A data directory of a server, and the key that its secrets are sealed with. */
export interface DataDir extends Disposable {
  path: string;
  encryptionKey: string;
}

/** Empty; removed at the end, whatever ends it. */
export function makeDataDir(directory: string): DataDir {
  return dataDirIn(directory, randomBytes(32).toString('base64'));
}

/** What a server left when it was stopped. */
export function copyDataDir(of: DataDir, directory: string): DataDir {
  const copy = dataDirIn(directory, of.encryptionKey);
  for (const name of readdirSync(of.path)) {
    const path = join(copy.path, name);
    copyFileSync(join(of.path, name), path);
    // Now, or the system writes it out while the server is measured.
    const file = openSync(path, 'r+');
    fsyncSync(file);
    closeSync(file);
  }
  return copy;
}

/** Deliveries by status. */
export function countDeliveries({ path }: DataDir): Record<string, number> {
  using db = openData(path, { readOnly: true });
  const rows = db.prepare('select status, count(*) as n from deliveries group by status').all();
  return Object.fromEntries(rows.map(({ status, n }) => [String(status), Number(n)]));
}

export function openData(path: string, options: { readOnly: boolean }): DatabaseSync {
  return new DatabaseSync(join(path, 'posthorn.db'), options);
}

function dataDirIn(directory: string, encryptionKey: string): DataDir {
  const path = mkdtempSync(join(directory, 'posthorn-bench-'));
  const remove = undoAtExit(() => rmSync(path, { recursive: true, force: true }));
  return { path, encryptionKey, [Symbol.dispose]: remove };
}
