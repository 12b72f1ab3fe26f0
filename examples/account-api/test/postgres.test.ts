import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshDatabase, run } from '../../../server/test/support/postgres.ts';
import { openDatabase } from '../database.ts';
import { createChange, outboxCounts } from '../outbox.ts';
import { lastFirst } from './support/last-first.ts';
import { startPosthorn } from './support/posthorn.ts';
import { PROGRAM, shell } from './support/program.ts';

const PROJECT = { id: 'prj_1', name: 'Apollo', created_at: '2023-12-01T15:30:00.000Z' };

test('a connection that is lost in the middle of a change undoes it, and the next change has another', async (t) => {
  const url = await freshDatabase(lastFirst(t));
  const database = await openDatabase(url);
  lastFirst(t).after(database.close);
  const change = createChange(database, () => {});
  const lost = change(async (sql, emit) => {
    await emit('project.created', PROJECT);
    const [row] = await sql.query<{ id: number }>('select pg_backend_pid() as id');
    await run(url, `select pg_terminate_backend(${row?.id})`);
    await emit('project.updated', PROJECT);
  });
  await assert.rejects(lost);
  await change((_sql, emit) => emit('project.deleted', PROJECT));
  assert.deepEqual(await outboxCounts(database), { waiting: 1, refused: 0 });
});

test('a database that is not there is said at the start', async (t) => {
  const { url, key } = await startPosthorn(t);
  const process = shell(t, PROGRAM, {
    ACCOUNT_PORT: '0',
    ACCOUNT_DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
    POSTHORN_URL: url,
    POSTHORN_API_KEY: key,
  });
  assert.equal((await process.end()).code, 1);
  assert.match(process.stderr, /ECONNREFUSED/);
});
