import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { temporaryDirectory } from '../../system/support/server-process.ts';
import { idsOf, publishMany, startServer } from './server.ts';

const EVENTS = 200;

export interface StoppedData {
  dataDir: string;
  /** The data file; all is in it, since the server was stopped in order. */
  file: string;
  accepted: readonly string[];
}

const folder = mkdtempSync(join(tmpdir(), 'posthorn-stopped-'));
// Here, not in a test: it would be removed when that test ends.
after(() => rmSync(folder, { recursive: true }));

let made: Promise<readonly string[]> | null = null;

/** A copy of the data of a server that accepted some events; it ran once for the whole test file. */
export async function stoppedData(t: TestContext): Promise<StoppedData> {
  made ??= make(t);
  const accepted = await made;
  const dataDir = temporaryDirectory(t);
  cpSync(folder, dataDir, { recursive: true });
  return { dataDir, file: join(dataDir, 'posthorn.db'), accepted };
}

async function make(t: TestContext) {
  const server = await startServer(t, { dataDir: folder });
  const accepted = idsOf(await publishMany(server, EVENTS));
  assert.equal(accepted.length, EVENTS);
  server.process.kill('SIGTERM');
  assert.deepEqual(await server.process.end(), { code: 0, signal: null });
  return accepted;
}
