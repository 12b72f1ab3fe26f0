import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RunningProcess } from '../../../../server/test/system/support/child-process.ts';
import { cleanEnvironment } from '../../../../server/test/system/support/server-process.ts';
import { lastFirst } from './last-first.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));

/** A command as a shell runs what is typed: in a process group of its own, in the repository's root. */
export function shell(
  t: TestContext,
  command: string,
  environment: Readonly<Record<string, string>>,
): RunningProcess {
  const ran = new RunningProcess({
    command: 'sh',
    args: ['-c', command],
    cwd: ROOT,
    environment: { ...cleanEnvironment(), ...environment },
    ownGroup: true,
  });
  lastFirst(t).after(async () => {
    ran.killGroup('SIGKILL');
    await ran.end();
  });
  return ran;
}

export const PROGRAM = 'exec node_modules/.bin/node examples/account-api/main.ts';

/** The program that `npm run example:account` starts, and where it answers. */
export async function startProgram(
  t: TestContext,
  environment: Readonly<Record<string, string>>,
): Promise<{ process: RunningProcess; url: string; posthornUrl: string }> {
  const process = shell(t, PROGRAM, { ACCOUNT_PORT: '0', ...environment });
  const [, url = ''] = await process.output(/^The account API is running at (\S+)$/m);
  const [, posthornUrl = ''] = await process.output(/^ +Posthorn +(\S+?)\/? /m);
  await process.output(/^Ctrl-C stops it\.$/m);
  return { process, url, posthornUrl };
}
