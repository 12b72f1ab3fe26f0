// What a loss of power may leave on the disk, rebuilt from a recorded run. `IMAGES` sets how many,
// `SEED` repeats those of an earlier run.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { cutPower, recordRun } from './support/power-loss.ts';

const IMAGES = Number(process.env.IMAGES ?? 50);
const SEED = Number(process.env.SEED ?? randomInt(2 ** 31));

test('After a loss of power everything that was acknowledged is there, whatever became of unsynced writes', async (t) => {
  const records = await recordRun(t);
  if (records === null) return;
  const { faults, ...found } = cutPower(t, records, { images: IMAGES, seed: SEED });
  t.diagnostic(`${JSON.stringify(found)}, seed ${SEED}`);
  assert.deepEqual(faults, []);
  assert.ok(found.unsynced > IMAGES);

  // A disk that only says that it has synced: were nothing found here, nothing could be found above.
  const lying = cutPower(t, records, {
    images: 10,
    seed: SEED,
    losses: ['dropped', 'torn', 'reordered'],
    isSynced: () => false,
  });
  t.diagnostic(`a disk that lies: ${lying.faults.length} faults in ${lying.images} images`);
  assert.ok(lying.faults.length >= 5);
});
