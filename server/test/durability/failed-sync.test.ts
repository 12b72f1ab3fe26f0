import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openDataFile } from '../system/support/data-file.ts';
import { temporaryDirectory } from '../system/support/server-process.ts';
import { readDiskLog } from './support/disk-log.ts';
import { type Disk, type Fault, makeDisk } from './support/disk-shim.ts';
import { idsOf, publish, publishMany, startServer } from './support/server.ts';

const EXIT_DISK_FAILED = 74;

const FAULTS: Record<string, Fault> = {
  'a sync of the log fails': { operation: 'sync', file: 'log', error: 'EIO', times: 1 },
  'a write to the log fails': { operation: 'write', file: 'log', error: 'EIO', times: 1 },
  'a later write of the transaction fails': {
    operation: 'write',
    file: 'log',
    error: 'EIO',
    pass: 5,
    times: 1,
  },
  'the disk is gone for good': { operation: 'both', file: 'both', error: 'EIO' },
};

for (const [what, fault] of Object.entries(FAULTS)) {
  test(`When ${what}, the server ends, nobody of that commit got 202, and the next start has all that was accepted`, async (t) => {
    const opened = open(t);
    if (opened === null) return;
    const { disk, dataDir } = opened;
    const server = await startServer(t, { dataDir, environment: disk.environment });
    const accepted = idsOf(await publishMany(server, 20));
    assert.equal(accepted.length, 20);

    disk.break(fault);
    const answers = await publishMany(server, 40);
    // What was committed before the one that failed was answered, and counts.
    accepted.push(...idsOf(answers));
    if (fault.pass === undefined) assert.equal(accepted.length, 20);
    assert.ok(accepted.length < 60);
    assert.deepEqual(await server.process.end(), { code: EXIT_DISK_FAILED, signal: null });
    assert.match(
      server.process.stderr,
      /^Posthorn ends because the disk failed .*start again.*\n$/,
    );
    expectUntouchedAfterFailure(disk);

    disk.heal();
    const again = await startServer(t, { dataDir, environment: disk.environment });
    accepted.push(...idsOf([await publish(again, {})]));
    expectStored(dataDir, accepted);
  });
}

test('When a checkpoint cannot sync the data file, the log is kept until its pages were written again', async (t) => {
  const opened = open(t);
  if (opened === null) return;
  const { disk, dataDir } = opened;
  const server = await startServer(t, { dataDir, environment: disk.environment });
  disk.break({ operation: 'sync', file: 'data', error: 'EIO', times: 1 });
  const accepted: string[] = [];
  const big = { text: 'x'.repeat(50_000) };
  // A checkpoint follows when the log has a thousand pages.
  for (let round = 0; round < 6; round += 1)
    accepted.push(...idsOf(await publishMany(server, 50, big)));
  assert.equal(accepted.length, 300);
  assert.equal(disk.failedCount(), 1);
  server.process.kill('SIGKILL');
  await server.process.end();

  const records = readDiskLog(disk.logFile);
  const failedAt = records.findIndex(({ kind }) => kind === 'failed');
  const goodAt = records.findIndex(
    ({ kind, file }, at) => at > failedAt && kind === 'sync' && file === 'data',
  );
  const syncBeforeAt = records.findLastIndex(
    ({ kind, file }, at) => at < failedAt && kind === 'sync' && file === 'data',
  );
  const failed = pagesWritten(records.slice(syncBeforeAt + 1, failedAt));
  const rewritten = pagesWritten(records.slice(failedAt, goodAt));
  assert.ok(failed.size > 100 && goodAt > failedAt);
  assert.deepEqual([...failed.difference(rewritten)], []);
  const restarted = records
    .slice(failedAt, goodAt)
    .some(({ kind, file, offset }) => kind === 'write' && file === 'log' && offset === 0);
  assert.equal(restarted, false, 'the log did not begin anew before');
  expectStored(dataDir, accepted);
});

function open(t: TestContext): { disk: Disk; dataDir: string } | null {
  const dataDir = temporaryDirectory(t);
  const disk = makeDisk(t, dataDir);
  return disk === null ? null : { disk, dataDir };
}

/** Answers for commits before it may still be on their way. */
const ALLOWED = ['failed', 'acknowledged'];

/** The end of the process neither copied the log into the data file nor deleted it. */
function expectUntouchedAfterFailure(disk: Disk): void {
  const records = readDiskLog(disk.logFile);
  const failedAt = records.findIndex(({ kind }) => kind === 'failed');
  assert.ok(failedAt >= 0);
  const after = records.slice(failedAt + 1).filter(({ kind }) => !ALLOWED.includes(kind));
  assert.deepEqual(
    after.map(({ kind, file }) => `${kind} ${file}`),
    [],
  );
}

function pagesWritten(records: ReturnType<typeof readDiskLog>): Set<number> {
  const writes = records.filter(({ kind, file }) => kind === 'write' && file === 'data');
  return new Set(writes.map(({ offset }) => offset));
}

function expectStored(dataDir: string, accepted: readonly string[]): void {
  const data = openDataFile(join(dataDir, 'posthorn.db'));
  const bodies = data.bodies();
  assert.deepEqual(
    accepted.filter((id) => !bodies.has(id)),
    [],
  );
  assert.deepEqual(data.quickCheck(), ['ok']);
  data.close();
}
