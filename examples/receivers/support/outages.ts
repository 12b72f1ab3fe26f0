// Ways to take its queue from a receiver that runs, and to give it back.
import { execFileSync, spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Redis } from './redis.ts';

export interface Outage {
  /** As it stands in the tests' names: `Redis is stopped`. */
  readonly what: string;
  /** What ends it. */
  begin(queue: Queue): Promise<() => Promise<void> | void>;
}

/** Where a receiver's queue is. */
export interface Queue {
  readonly redis: Redis | undefined;
  readonly file: string;
  /** The process that receives. */
  readonly pid: number;
}

export const redisOutages: readonly Outage[] = [
  {
    what: 'Redis is stopped',
    async begin({ redis }) {
      await redis?.stop();
      return () => redis?.start();
    },
  },
  {
    what: 'Redis hangs',
    async begin({ redis }) {
      redis?.freeze();
      return () => redis?.thaw();
    },
  },
];

export const sqliteOutages: readonly Outage[] = [
  {
    what: 'another program writes to its file',
    async begin({ file }) {
      const writer = new DatabaseSync(file, { timeout: 5_000 });
      writer.exec('begin immediate');
      return () => writer.close();
    },
  },
];

const canLimit = spawnSync('prlimit', ['--version']).status === 0;
if (!canLimit && !process.env.CI) {
  console.error('SKIPPED: no file is kept from growing, because prlimit is missing.');
}

const fileLimit: Outage = {
  what: 'its file cannot grow',
  async begin({ file, pid }) {
    // A part of the next line may still be written, and has to be taken back.
    limitFiles(pid, `${statSync(file).size + 10}:`);
    return () => limitFiles(pid, 'unlimited:');
  },
};
export const fileOutages: readonly Outage[] = canLimit || process.env.CI ? [fileLimit] : [];

function limitFiles(pid: number, bytes: string): void {
  execFileSync('prlimit', [`--pid=${pid}`, `--fsize=${bytes}`]);
}
