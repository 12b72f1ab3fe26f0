// The same as with the shim, on a disk that is really full. Needs the right to mount one.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../support/until.ts';
import { cleanUp } from '../system/support/clean-up.ts';
import { openDataFile } from '../system/support/data-file.ts';
import { startReceiver } from '../system/support/receiver.ts';
import { createSeededRandom } from '../system/support/seeded-random.ts';
import { temporaryDirectory } from '../system/support/server-process.ts';
import { idsOf, publishMany, startServer, subscribe } from './support/server.ts';

const ROUNDS = 10;
const SEED = Number(process.env.SEED ?? randomInt(2 ** 31));

test('A small disk that fills up again and again loses nothing that was accepted', async (t) => {
  const folder = temporaryDirectory(t);
  const dataDir = join(folder, 'disk');
  mkdirSync(dataDir);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', dataDir]);
  if (mounted.status !== 0) return t.skip('a disk cannot be mounted here');
  cleanUp(t, () => void spawnSync('umount', [dataDir]));
  const random = createSeededRandom(SEED);
  const receiver = await startReceiver(t, () => 200);
  const server = await startServer(t, { dataDir });
  await subscribe(server, receiver.url);
  const accepted: string[] = [];
  let refused = 0;
  const publishSome = async () => {
    const answers = await publishMany(server, 20, { text: 'x'.repeat(1_000) });
    for (const answer of answers) assert.ok([202, 503].includes(answer?.status ?? 0));
    accepted.push(...idsOf(answers));
    refused += answers.length - idsOf(answers).length;
    return idsOf(answers).length;
  };

  for (let round = 0; round < ROUNDS; round += 1) {
    assert.equal(await publishSome(), 20);
    fill(join(dataDir, 'filler'), Math.floor(random() * 200_000));
    await until('the disk is full', async () => (await publishSome()) === 0);
    rmSync(join(dataDir, 'filler'));
    await until('there is room again', async () => (await publishSome()) === 20);
  }
  const data = openDataFile(join(dataDir, 'posthorn.db'));
  await until('all is delivered', async () => data.pendingCount() === 0);
  assert.deepEqual(new Set(data.bodies().keys()), new Set(accepted));
  assert.deepEqual(data.quickCheck(), ['ok']);
  data.close();
  t.diagnostic(
    `full ${ROUNDS} times, accepted ${accepted.length}, refused ${refused}, seed ${SEED}`,
  );
  server.process.kill('SIGTERM');
  assert.deepEqual(await server.process.end(), { code: 0, signal: null });
});

/** Takes all room but so many bytes. */
function fill(path: string, left: number): void {
  const { bavail, bsize } = statfsSync(join(path, '..'));
  const bytes = Math.max(0, bavail * bsize - left);
  const file = openSync(path, 'w');
  for (let written = 0; written < bytes; ) {
    written += writeSync(file, Buffer.alloc(Math.min(65_536, bytes - written)));
  }
  closeSync(file);
}
