import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { temporaryDirectory } from '../system/support/server-process.ts';
import { call, publish, run, startServer } from './support/server.ts';
import { stoppedData } from './support/stopped-data.ts';

const EXIT_DATA_CORRUPT = 65;
const SENTENCE =
  /^Posthorn ends because the data file is damaged, and it is never repaired silently: .*posthorn restore.*\n$/;
const DAMAGE = Buffer.alloc(512, 0xa5);

test('A read that touches a damaged page ends the server with its own exit code and what to do', async (t) => {
  const { dataDir, file } = await stoppedData(t);
  const at = damage(file, rootPageAt(file, 'events'));
  const server = await startServer(t, { dataDir });
  await assert.rejects(call(server.url, 'GET', '/v1/events'));
  assert.deepEqual(await server.process.end(), { code: EXIT_DATA_CORRUPT, signal: null });
  assert.match(server.process.stderr, SENTENCE);
  expectStillDamaged(file, at);
});

test('A publish that touches a damaged page is not accepted, and ends the server', async (t) => {
  const { dataDir, file } = await stoppedData(t);
  const at = damage(file, rootPageAt(file, 'events_by_id'));
  const server = await startServer(t, { dataDir });
  const answer = await publish(server, {}).catch(() => null);
  assert.equal(answer, null);
  assert.deepEqual(await server.process.end(), { code: EXIT_DATA_CORRUPT, signal: null });
  assert.match(server.process.stderr, SENTENCE);
  expectStillDamaged(file, at);
});

test('A data file whose header is damaged is refused at the start', async (t) => {
  const { dataDir, file } = await stoppedData(t);
  const at = damage(file, 0);
  const started = run(t, { dataDir });
  assert.deepEqual(await started.end(), { code: EXIT_DATA_CORRUPT, signal: null });
  assert.match(started.stderr, SENTENCE);
  expectStillDamaged(file, at);
});

test('A file that is not a database is refused at the start, and left as it is', async (t) => {
  const dataDir = temporaryDirectory(t);
  const file = join(dataDir, 'posthorn.db');
  const text = 'not a database, but somebody else’s notes\n'.repeat(100);
  const handle = openSync(file, 'w');
  writeSync(handle, text);
  closeSync(handle);
  const started = run(t, { dataDir });
  assert.deepEqual(await started.end(), { code: EXIT_DATA_CORRUPT, signal: null });
  assert.match(started.stderr, SENTENCE);
  assert.equal(readFileSync(file, 'utf8'), text);
});

/** Where the root page of a table or an index begins in the file. */
function rootPageAt(file: string, name: string): number {
  const db = new DatabaseSync(file, { readOnly: true });
  const root = db.prepare('select rootpage from sqlite_schema where name = ?').get(name)?.rootpage;
  const pageBytes = db.prepare('pragma page_size').get()?.page_size;
  db.close();
  return (Number(root) - 1) * Number(pageBytes);
}

function damage(file: string, at: number): number {
  const handle = openSync(file, 'r+');
  writeSync(handle, DAMAGE, 0, DAMAGE.length, at);
  closeSync(handle);
  return at;
}

function expectStillDamaged(file: string, at: number): void {
  assert.deepEqual(readFileSync(file).subarray(at, at + DAMAGE.length), DAMAGE);
}
