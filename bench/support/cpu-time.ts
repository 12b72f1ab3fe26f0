import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second here, whatever the kernel was built with. */
const TICK_US = 10_000;

export type ThreadName = 'main' | 'store' | 'delivery' | 'v8' | 'other';
export type ThreadTimes = Record<ThreadName, number>;

/** CPU microseconds so far, by kind of thread; null where there is no `/proc`. */
export function threadTimes(pid: number): ThreadTimes | null {
  const times: ThreadTimes = { main: 0, store: 0, delivery: 0, v8: 0, other: 0 };
  try {
    for (const tid of readdirSync(`/proc/${pid}/task`)) {
      const { name, cpuUs } = readStat(`/proc/${pid}/task/${tid}/stat`);
      times[Number(tid) === pid ? 'main' : kindOf(name)] += cpuUs;
    }
    return times;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export function timesBetween(before: ThreadTimes, after: ThreadTimes): ThreadTimes {
  const difference = { ...after };
  for (const name of Object.keys(before) as ThreadName[]) difference[name] -= before[name];
  return difference;
}

/** proc_pid_stat(5): the name stands in parentheses and may hold anything; utime, stime are 14, 15. */
function readStat(path: string): { name: string; cpuUs: number } {
  const stat = readFileSync(path, 'latin1');
  const nameEnd = stat.lastIndexOf(')');
  const fields = stat.slice(nameEnd + 2).split(' ');
  const [userTicks, systemTicks] = [fields[11], fields[12]];
  return {
    name: stat.slice(stat.indexOf('(') + 1, nameEnd),
    cpuUs: (Number(userTicks) + Number(systemTicks)) * TICK_US,
  };
}

/** Node names a worker's thread as the worker; V8's own compile and collect garbage for all. */
function kindOf(threadName: string): ThreadName {
  if (threadName.includes('store')) return 'store';
  if (threadName.includes('deliv')) return 'delivery';
  return threadName.includes('V8Worker') ? 'v8' : 'other';
}
