import { closeSync, fdatasyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs } from './monotonic.ts';
import { type Percentiles, percentiles } from './statistics.ts';

const TMPFS_MAGIC = 0x01021994;
const BLOCK_BYTES = 4_096;

/** Whether files there are only in memory, where a sync costs nothing and a number means little. */
export function isInMemory(directory: string): boolean {
  return statfsSync(directory).type === TMPFS_MAGIC;
}

/** What a commit costs at least: writing a block to the end of a file and syncing it, in a loop. */
export function writeAndSyncMs(directory: string, durationMs: number): Percentiles {
  const path = join(directory, `posthorn-sync-loop-${process.pid}`);
  const file = openSync(path, 'wx');
  const block = Buffer.alloc(BLOCK_BYTES, 1);
  const times: number[] = [];
  try {
    const endAt = monotonicMs() + durationMs;
    for (let begin = monotonicMs(); begin < endAt; begin = monotonicMs()) {
      writeSync(file, block);
      fdatasyncSync(file);
      times.push(monotonicMs() - begin);
    }
  } finally {
    closeSync(file);
    rmSync(path);
  }
  return percentiles(Float64Array.from(times));
}
