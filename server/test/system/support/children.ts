import { execFileSync } from 'node:child_process';
import { until } from '../../support/until.ts';

/** The processes that a process has started and that have not ended. */
export function childrenOf(pid: number): number[] {
  const listed = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' });
  const processes = listed.trim().split('\n').map(fieldsOf);
  return processes
    .filter(({ parent, state }) => parent === pid && !state.startsWith('Z'))
    .map(({ id }) => id);
}

/** Ends when none of these processes is there any more. */
export async function haveEnded(pids: readonly number[]): Promise<void> {
  await until(`processes ${pids.join(', ')} have ended`, async () => !pids.some(exists));
}

function fieldsOf(line: string): { id: number; parent: number; state: string } {
  const [id = '', parent = '', state = ''] = line.trim().split(/\s+/);
  return { id: Number(id), parent: Number(parent), state };
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
