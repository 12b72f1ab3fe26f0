// The order of system calls of the real server, as strace sees it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../system/support/server-process.ts';
import { call, type DurableServer, publishMany, startServer, subscribe } from './support/server.ts';
import { answeredTooEarly, parseTrace } from './support/system-calls.ts';
import { hasTool } from './support/tools.ts';

const PLANTED_BUGS = fileURLToPath(new URL('./support/planted-bugs.ts', import.meta.url));
/** More than a frame of the log. */
const STRING_BYTES = 10_000;
const ALONE = 100;
const TOGETHER = { rounds: 5, publishers: 20 };

test('No 202 is sent before the sync of the commit that it answers for has returned', async (t) => {
  const seen = await traced(t, null, async (server) => {
    for (let number = 0; number < ALONE; number += 1) await publishMany(server, 1, { number });
    for (let round = 0; round < TOGETHER.rounds; round += 1) {
      await publishMany(server, TOGETHER.publishers, { round });
    }
  });
  if (seen === null) return;
  t.diagnostic(
    `${seen.answers} answers, ${seen.syncs} syncs of the log, ${seen.faults.length} early`,
  );
  assert.equal(seen.answers, ALONE + TOGETHER.rounds * TOGETHER.publishers);
  assert.deepEqual(seen.faults, []);
  assert.ok(seen.syncs > ALONE);
});

for (const [bug, fault, least] of [
  ['unsynced', /answered before its commit was synced$/, 10],
  // Whatever writes next commits it: now and then that is written by then, or even synced.
  ['early answer', /answered before (it was written|its commit was synced)$/, 5],
] as const) {
  test(`The order of system calls shows a server with the planted bug "${bug}"`, async (t) => {
    const seen = await traced(t, bug, async (server) => {
      for (let number = 0; number < 10; number += 1) await publishMany(server, 1, { number });
    });
    if (seen === null) return;
    assert.equal(seen.answers, 10);
    assert.ok(seen.faults.length >= least, `${seen.faults.length} of 10 were seen`);
    for (const found of seen.faults) assert.match(found, fault);
  });
}

async function traced(
  t: TestContext,
  plantedBug: string | null,
  load: (server: DurableServer) => Promise<void>,
) {
  if (!hasTool(t, 'strace', 'strace')) return null;
  const dataDir = temporaryDirectory(t);
  const traceFile = join(dataDir, 'trace');
  const server = await startServer(t, {
    dataDir,
    under: [
      ...['strace', '-f', '--seccomp-bpf', '-qq', '-yy', '-s', String(STRING_BYTES)],
      ...['-e', 'trace=pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg', '-o', traceFile],
    ],
    ...(plantedBug !== null && {
      nodeOptions: ['--import', PLANTED_BUGS],
      environment: { PLANTED_BUG: plantedBug },
    }),
  });
  // Deliveries are in the commit as well, but nothing is sent.
  const webhook = await subscribe(server, 'http://127.0.0.1:9/');
  await call(server.url, 'PATCH', `/v1/webhooks/${webhook}`, { status: 'paused' });
  await load(server);
  const owner = JSON.parse(readFileSync(join(dataDir, 'posthorn.db-owner'), 'utf8'));
  process.kill(Number(owner.pid), 'SIGTERM');
  assert.deepEqual(await server.process.end(), { code: 0, signal: null });
  const calls = parseTrace(readFileSync(traceFile, 'latin1'));
  const syncs = calls.filter(
    ({ name, target }) => /^f(data)?sync$/.test(name) && target.endsWith('posthorn.db-wal'),
  );
  return { ...answeredTooEarly(calls), syncs: syncs.length };
}
