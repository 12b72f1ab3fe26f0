import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { openNotices } from '../../src/store/postgres/notices.ts';
import { freshDatabase, run } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { cleanUp } from '../system/support/clean-up.ts';

type TestContext = Parameters<typeof cleanUp>[0];

test('what one node tells another hears, many times together as once', async (t) => {
  const { listener, teller, url } = await open(t);
  const before = listener.heard;
  for (let count = 0; count < 1_000; count++) teller.notices.tell();
  await until('it is heard', async () => listener.heard > before);
  // What is committed later is heard later: when this one is, all of the thousand have been.
  await run(url, `select pg_notify('posthorn_wakes', 'last')`);
  await until('the last is heard', async () => listener.heard > before + 1);
  assert.equal(listener.heard, before + 2);
});

test('a connection that is ended is replaced, and what was said meanwhile is looked for', async (t) => {
  const { listener, teller, url } = await open(t);
  const before = listener.heard;
  await run(
    url,
    `
      select pg_terminate_backend(pid)
      from pg_stat_activity
      where application_name = 'posthorn listen'
    `,
  );
  await until('it listens again', async () => listener.heard > before);
  const again = listener.heard;
  teller.notices.tell();
  await until('it is heard', async () => listener.heard > again);
});

async function open(t: TestContext) {
  const url = await freshDatabase({ after: (step) => cleanUp(t, step) });
  const listener = { heard: 0 };
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  // The test ends connections.
  pool.on('error', () => {});
  cleanUp(t, () => pool.end());
  const heard = () => {
    listener.heard += 1;
  };
  const notices = openNotices(pool, { url, heard });
  cleanUp(t, () => notices.close());
  const teller = { notices: openNotices(pool, null) };
  cleanUp(t, () => teller.notices.close());
  await until('somebody listens', async () => listener.heard > 0);
  return { listener, teller, url };
}
