import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createIds } from '../../../src/core/ids.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { createRandom } from '../../../src/platform/random.ts';
import { openStore } from '../../../src/store/sqlite/local-store.ts';
import { openDataFile } from '../../system/support/data-file.ts';
import { startReceiver } from '../../system/support/receiver.ts';
import { createSeededRandom } from '../../system/support/seeded-random.ts';
import { temporaryDirectory } from '../../system/support/server-process.ts';
import { type DiskImage, LOSSES, type Loss, RecordedDisk } from './disk-images.ts';
import { acknowledgedId, type DiskRecord, readDiskLog } from './disk-log.ts';
import { makeDisk } from './disk-shim.ts';
import { idsOf, publishMany, startServer, subscribe } from './server.ts';

const ROUNDS = 40;
const PUBLISHERS = 10;
const BODY_CHARS = 20_000;

/** A run of the real server: everything it did to its disk, from its creation to its orderly end. */
export async function recordRun(t: TestContext): Promise<DiskRecord[] | null> {
  const dataDir = temporaryDirectory(t);
  const disk = makeDisk(t, dataDir);
  if (disk === null) return null;
  const receiver = await startReceiver(t, () => 200);
  const server = await startServer(t, { dataDir, environment: disk.environment });
  await subscribe(server, receiver.url);
  const text = 'x'.repeat(BODY_CHARS);
  for (let round = 0; round < ROUNDS; round += 1) {
    const answers = await publishMany(server, PUBLISHERS, { round, text });
    assert.equal(idsOf(answers).length, PUBLISHERS);
  }
  server.process.kill('SIGTERM');
  assert.deepEqual(await server.process.end(), { code: 0, signal: null });
  const records = readDiskLog(disk.logFile);
  assert.equal(records.filter(({ kind }) => kind === 'acknowledged').length, ROUNDS * PUBLISHERS);
  assert.ok(records.some(isSyncOf('data')), 'there was a checkpoint');
  return records;
}

export interface Found {
  images: number;
  /** Acknowledged before the loss, over all images. */
  acknowledged: number;
  /** Writes that were not synced at the loss, over all images. */
  unsynced: number;
  faults: string[];
}

/** Cuts the power at so many moments, and opens what may be on the disk then. */
export function cutPower(
  t: TestContext,
  records: readonly DiskRecord[],
  options: { images: number; seed: number; losses?: readonly Loss[]; isSynced?: () => boolean },
): Found {
  const random = createSeededRandom(options.seed);
  const { losses = LOSSES } = options;
  const moments = momentsOf(records, options.images, random);
  const disk = new RecordedDisk(options.isSynced);
  const folder = temporaryDirectory(t);
  const acknowledged = new Set<string>();
  const found: Found = { images: 0, acknowledged: 0, unsynced: 0, faults: [] };
  let at = 0;
  for (const moment of moments) {
    for (; at < moment; at += 1) {
      const record = records[at];
      if (record === undefined) break;
      disk.apply(record);
      if (record.kind === 'acknowledged') acknowledged.add(acknowledgedId(record));
    }
    const loss = losses[found.images % losses.length] ?? 'dropped';
    const faults = faultsOf(join(folder, 'image'), disk.image(loss, random), acknowledged);
    found.images += 1;
    found.acknowledged += acknowledged.size;
    found.unsynced += disk.unsynced;
    found.faults.push(...faults.map((fault) => `${loss} after record ${moment}: ${fault}`));
  }
  return found;
}

/** Just before a sync most is at stake; the rest is anywhere. Ascending. */
function momentsOf(records: readonly DiskRecord[], count: number, random: () => number): number[] {
  const placesOf = (fits: (record: DiskRecord) => boolean) =>
    records.flatMap((record, place) => (fits(record) ? [place] : []));
  const kinds = [
    placesOf(isSyncOf('log')),
    placesOf(isSyncOf('data')),
    placesOf(({ kind }) => kind === 'unlink' || kind === 'truncate').map((place) => place + 1),
    placesOf(() => true),
    placesOf(({ kind, file }) => kind === 'write' && file === 'data'),
  ].filter((places) => places.length > 0);
  const moments = Array.from({ length: count }, (_, index) => {
    const places = kinds[index % kinds.length] ?? [];
    return places[Math.floor(random() * places.length)] ?? 0;
  });
  return moments.sort((a, b) => a - b);
}

function isSyncOf(wanted: 'log' | 'data') {
  return ({ kind, file }: DiskRecord) => kind === 'sync' && file === wanted;
}

/** Starts a store on the image, as the next start of the server does, and looks at what it holds. */
function faultsOf(folder: string, image: DiskImage, acknowledged: ReadonlySet<string>): string[] {
  mkdirSync(folder);
  try {
    const file = join(folder, 'posthorn.db');
    if (image.data !== null) writeFileSync(file, image.data);
    if (image.log !== null) writeFileSync(`${file}-wal`, image.log);
    if (image.journal !== null) writeFileSync(`${file}-journal`, image.journal);
    const newId = createIds({ clock: systemClock, random: createRandom() });
    openStore(file, { newId, handOver: () => {} }).close();
    return faultsIn(file, acknowledged);
  } catch (error) {
    return [`it does not open: ${(error as Error).message}`];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function faultsIn(file: string, acknowledged: ReadonlySet<string>): string[] {
  const data = openDataFile(file);
  try {
    const faults: string[] = [];
    const check = data.quickCheck();
    if (String(check) !== 'ok') faults.push(`quick_check says ${check}`);
    const bodies = data.bodies();
    const lost = [...acknowledged].filter((id) => !bodies.has(id));
    if (lost.length > 0) faults.push(`${lost.length} acknowledged events are lost`);
    if (data.eventsWithoutDeliveries(1) > 0) faults.push('an event lacks its delivery');
    if (data.brokenDeliveries() > 0) faults.push('a delivery is neither pending nor ended');
    return faults;
  } finally {
    data.close();
  }
}
