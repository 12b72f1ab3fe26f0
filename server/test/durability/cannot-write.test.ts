import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../system/support/server-process.ts';
import { run } from './support/server.ts';

test('A server that cannot write beside its data file refuses to start and says what to do', async (t) => {
  const dataDir = temporaryDirectory(t);
  // A folder in the place of a file stops even a user who may write everywhere.
  mkdirSync(join(dataDir, 'posthorn.db-lock'));
  const started = run(t, { dataDir });
  assert.deepEqual(await started.end(), { code: 1, signal: null });
  assert.match(started.stderr, /^Posthorn cannot write beside .*posthorn\.db .*make its directory/);
  assert.equal(started.stderr.trimEnd().split('\n').length, 1, 'one sentence, no stack');
});
