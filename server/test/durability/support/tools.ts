import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';

/**
 * Whether a program is installed. Without it the test is skipped loudly on somebody's own machine,
 * and fails in continuous integration.
 */
export function hasTool(
  t: TestContext,
  tool: 'cc' | 'strace' | 'pgbouncer',
  packages: string,
): boolean {
  const { error, status } = spawnSync(tool, ['--version'], { stdio: 'ignore' });
  if (error === undefined && status === 0) return true;
  const message = `${tool} is missing (Linux only; in Debian: apt-get install ${packages})`;
  if (process.env.CI === 'true') throw new Error(message);
  console.error(`SKIPPED "${t.name}": ${message}`);
  t.skip(message);
  return false;
}
