import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RunningProcess } from '../../system/support/child-process.ts';
import { cleanUp } from '../../system/support/clean-up.ts';
import { cleanEnvironment, temporaryDirectory } from '../../system/support/server-process.ts';

export const root = fileURLToPath(new URL('../../../../', import.meta.url));

export interface ShellOptions {
  environment?: Readonly<Record<string, string>>;
  /** The repository's root when it is not given. */
  cwd?: string;
}

/** Starts what a page says to type, as a terminal does; it ends with the test at the latest. */
export function startShell(
  t: TestContext,
  command: string,
  { environment = {}, cwd = root }: ShellOptions = {},
): RunningProcess {
  const curlHome = temporaryDirectory(t);
  // A refusal has to fail a command, although nobody types an option for that.
  writeFileSync(join(curlHome, '.curlrc'), 'fail-with-body\nsilent\nshow-error\n');
  const started = new RunningProcess({
    command: 'bash',
    args: ['-euo', 'pipefail', '-c', command],
    cwd,
    environment: { ...cleanEnvironment(), CURL_HOME: curlHome, ...environment },
    ownGroup: true,
  });
  cleanUp(t, async () => {
    started.killGroup('SIGKILL');
    await started.end();
  });
  return started;
}

/** What a command prints, when it has succeeded. */
export async function outputOf(
  t: TestContext,
  command: string,
  options: ShellOptions = {},
): Promise<string> {
  const ran = startShell(t, command, options);
  const { code } = await ran.end();
  assert.equal(code, 0, `${command}\n${ran.stdout}\n${ran.stderr}`);
  return ran.stdout;
}
