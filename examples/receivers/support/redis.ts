import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { freePort } from '../../../server/test/support/postgres/server.ts';
import { RunningProcess } from '../../../server/test/system/support/child-process.ts';
import { cleanUp } from '../../../server/test/system/support/clean-up.ts';
import { temporaryDirectory } from '../../../server/test/system/support/server-process.ts';

export const redisIsThere = spawnSync('redis-server', ['--version']).status === 0;

/** A Redis of its own, which ends with the test; where it answers. */
export async function startRedis(t: TestContext): Promise<string> {
  const port = await freePort();
  const redis = new RunningProcess({
    command: 'redis-server',
    args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'yes'],
    cwd: temporaryDirectory(t),
    environment: { PATH: process.env.PATH },
  });
  cleanUp(t, async () => {
    redis.kill('SIGKILL');
    await redis.end();
  });
  await redis.output(/accept connections/);
  return `redis://127.0.0.1:${port}/0`;
}
