import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { until } from '../support/until.ts';
import { startServer, temporaryDirectory } from './support/server-process.ts';

test('the server has the threads for look-ups that it asks for, or those it is given', async (t) => {
  if (!existsSync('/proc/self/task')) return t.skip('threads are counted in /proc');
  const given = await threadsOf(t, { UV_THREADPOOL_SIZE: '32' });
  const asked = await threadsOf(t, {});
  assert.equal(asked - given, 256 - 32);
});

/** Of a server that has looked up one name, so that the pool is there. */
async function threadsOf(
  t: Parameters<typeof startServer>[0],
  pool: Record<string, string>,
): Promise<number> {
  const environment = { POSTHORN_HOST: 'localhost', ...pool };
  const dataDir = temporaryDirectory(t);
  const server = await startServer(t, { mode: 'dev', dataDir, environment });
  const count = () => readdirSync(`/proc/${server.process.pid}/task`).length;
  await until('the pool has been started', async () => count() > 32);
  return count();
}
