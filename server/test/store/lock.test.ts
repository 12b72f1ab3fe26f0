import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../src/store/sqlite/database.ts';
import { DataFileInUseError, lockDataFile } from '../../src/store/sqlite/lock.ts';
import { migrate } from '../../src/store/sqlite/migrate.ts';
import { openLocal, openThread, temporaryFolder } from './support/stores.ts';

test('a data file that is in use is refused: the message names the owner and says what to do', (t) => {
  const path = dataFile(t);
  const lock = lockDataFile(path);
  t.after(() => lock.release());
  assert.throws(
    () => lockDataFile(path),
    (error: Error) => {
      assert.ok(error instanceof DataFileInUseError);
      const owner = `Another Posthorn server (process ${process.pid} on ${hostname()}) is using ${path}.`;
      assert.ok(error.message.startsWith(owner), error.message);
      assert.match(error.message, /Stop it first, .*POSTHORN_DATA_DIR/);
      return true;
    },
  );
});

test('a data file can be used again when its owner has released it', (t) => {
  const path = dataFile(t);
  for (let turn = 0; turn < 3; turn++) lockDataFile(path).release();
});

test('two data files of one folder have nothing to do with each other', (t) => {
  const path = dataFile(t);
  const locks = [lockDataFile(path), lockDataFile(`${path}.other`)];
  for (const lock of locks) lock.release();
});

test('a refused opening leaves the owner undisturbed', async (t) => {
  const path = dataFile(t);
  const store = await openLocal(path, () => {});
  t.after(() => store.close());
  await assert.rejects(
    openLocal(path, () => {}),
    DataFileInUseError,
  );
  await assert.rejects(
    openThread(path, () => {}),
    /Another Posthorn server/,
  );
  await store.check();
  await assert.rejects(
    openLocal(path, () => {}),
    DataFileInUseError,
  );
});

test('a data file whose owner was killed can be used at once', async (t) => {
  const path = dataFile(t);
  const program = fileURLToPath(new URL('./support/hold-lock.ts', import.meta.url));
  const owner = spawn(process.execPath, ['--expose-gc', program, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => owner.kill('SIGKILL'));
  await once(owner.stdout, 'data');
  assert.throws(
    () => lockDataFile(path),
    (error: Error) => error.message.includes(`(process ${owner.pid} on `),
  );
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  lockDataFile(path).release();
});

test('a data file that could not be opened is not kept locked', async (t) => {
  const path = dataFile(t);
  const db = openDatabase(path);
  migrate(db);
  db.exec(`insert into schema_migrations values (9999, 'from-the-future', '')`);
  db.close();
  await assert.rejects(
    openLocal(path, () => {}),
    /newer Posthorn/,
  );
  lockDataFile(path).release();
});

function dataFile(t: TestContext): string {
  const folder = temporaryFolder();
  t.after(() => folder.remove());
  return join(folder.path, 'test.db');
}
