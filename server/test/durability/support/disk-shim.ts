import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, realpathSync, writeFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cleanUp } from '../../system/support/clean-up.ts';
import { hasTool } from './tools.ts';

const SOURCE = fileURLToPath(new URL('./disk-shim.c', import.meta.url));

export interface Fault {
  /** Which calls fail. */
  operation: 'write' | 'sync' | 'both';
  /** For which file: the data file, the log beside it, or both. */
  file: 'data' | 'log' | 'both';
  error: 'ENOSPC' | 'EIO';
  /** How many calls succeed before the first that fails. */
  pass?: number;
  /** How many fail; all from then on, when it is not given. */
  times?: number;
}

/** A disk that fails when it is told to, and a record of what was done to it. */
export interface Disk {
  /** For the process that is to run on it. */
  environment: Record<string, string>;
  /** Where it records writes, syncs and answers, for `readDiskLog`. */
  logFile: string;
  break(fault: Fault): void;
  heal(): void;
  /** How many calls have failed. */
  failedCount(): number;
}

const OPERATIONS = { write: 1, sync: 2, both: 3 };
const FILES = { log: 1, data: 2, both: 3 };

/** For a server whose data is in the folder. Null, with the test skipped, where there is no C compiler. */
export function makeDisk(t: TestContext, folder: string): Disk | null {
  if (!hasTool(t, 'cc', 'gcc libc6-dev')) return null;
  const library = join(folder, 'disk-shim.so');
  const built = spawnSync(
    'cc',
    ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', library, SOURCE, '-ldl', '-lpthread'],
    { encoding: 'utf8' },
  );
  if (built.status !== 0) throw new Error(`the shim does not compile:\n${built.stderr}`);
  const controlFile = join(folder, 'disk-control');
  const logFile = join(folder, 'disk-log');
  writeFileSync(controlFile, new Int32Array(6));
  const control = openSync(controlFile, 'r+');
  cleanUp(t, () => closeSync(control));
  // The count of failures stays.
  const set = (values: readonly number[]) => writeSync(control, Int32Array.from(values), 0, 20, 0);

  return {
    environment: {
      LD_PRELOAD: library,
      DISK_CONTROL: controlFile,
      DISK_LOG: logFile,
      DISK_FOLDER: realpathSync(folder),
    },
    logFile,
    break({ operation, file, error, pass = 0, times = -1 }) {
      set([OPERATIONS[operation], FILES[file], constants.errno[error], pass, times]);
    },
    heal: () => void set([0, 0, 0, 0, 0]),
    failedCount: () => readFileSync(controlFile).readInt32LE(20),
  };
}
