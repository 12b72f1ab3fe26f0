import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { createClient, PosthornApiError } from 'posthorn/client';
import { startTcpProxy } from '../../../server/test/support/tcp-proxy.ts';
import { openDatabase } from '../database.ts';
import { createChange, outboxCounts, waitingRows } from '../outbox.ts';
import { ROWS_MAX, relayOnce } from '../relay.ts';
import type { Database } from '../sql.ts';
import { call, created, outboxOf, startAccount, untilAllSent } from './support/account.ts';
import { DATABASES, type TestDatabase } from './support/databases.ts';
import { lastFirst } from './support/last-first.ts';
import { startPosthorn, type TestPosthorn } from './support/posthorn.ts';

for (const which of DATABASES) {
  describe(`the outbox on ${which.name}`, () => {
    test('a change that is rolled back emits nothing', async (t) => {
      const database = await opened(t, which);
      let commits = 0;
      const change = createChange(database, () => {
        commits += 1;
      });
      const undone = change(async (sql, emit) => {
        await sql.query(
          "insert into projects (id, name, created_at) values ('prj_1', 'Apollo', 'now')",
        );
        await emit('project.created', projectNumber(1));
        throw new Error('thought better of it');
      });
      await assert.rejects(undone, /thought better of it/);
      assert.deepEqual(await outboxCounts(database), { waiting: 0, refused: 0 });
      assert.deepEqual(await database.query('select id from projects'), []);
      assert.equal(commits, 0);
    });

    test('a change whose event cannot be stored is not made', async (t) => {
      const url = await which.url(t);
      const posthorn = await startPosthorn(t);
      const account = await startAccount(t, url, posthorn);
      const database = await opened(t, { ...which, url: async () => url });
      await database.query('alter table outbox rename to elsewhere');
      const answer = await call(account.url, 'POST', '/projects', { name: 'Apollo' });
      await database.query('alter table elsewhere rename to outbox');
      assert.equal(answer.status, 500);
      assert.match(account.reports.join(), /outbox/);
      const { body } = await call(account.url, 'GET', '/projects');
      assert.deepEqual(body, { data: [], next: null });
    });

    test('a call that is refused, or changes nothing, emits nothing', async (t) => {
      const posthorn = await startPosthorn(t);
      const { url } = await startAccount(t, await which.url(t), posthorn);
      const john = { name: 'John Doe', email: 'john@example.com' };
      const id = await created(url, '/users', john);
      assert.equal((await call(url, 'POST', '/users', john)).status, 409);
      assert.equal((await call(url, 'PATCH', `/users/${id}`, { name: 'John Doe' })).status, 200);
      assert.equal((await call(url, 'DELETE', '/users/usr_0')).status, 404);
      await untilAllSent(url);
      assert.deepEqual(await typesOf(posthorn), ['user.created']);
    });

    test('what changes while Posthorn is down is sent when it is back, each event once and in order', async (t) => {
      const posthorn = await startPosthorn(t);
      const network = await startTcpProxy(lastFirst(t), Number(new URL(posthorn.url).port));
      const throughNetwork = { ...posthorn, url: `http://127.0.0.1:${network.port}` };
      const { url, reports } = await startAccount(t, await which.url(t), throughNetwork);
      network.cut();
      for (let number = 1; number <= 5; number += 1) {
        await created(url, '/projects', { name: `Project ${number}` });
      }
      assert.deepEqual(await outboxOf(url), { waiting: 5, refused: 0 });
      assert.deepEqual(await posthorn.events(), []);
      network.mend();
      await untilAllSent(url);
      assert.deepEqual(await namesOf(posthorn), numbered(5));
      assert.match(reports[0] ?? '', /^Events wait: /);
      assert.equal(reports.at(-1), 'Events are sent again.');
    });

    test('one pass reads a bounded number of rows, the oldest first', async (t) => {
      const database = await opened(t, which);
      const posthorn = await startPosthorn(t);
      await store(database, ROWS_MAX + 20);
      assert.equal((await waitingRows(database, 7)).length, 7);
      const passes = [
        await relayOnce(ports(database, posthorn)),
        await relayOnce(ports(database, posthorn)),
      ];
      assert.deepEqual(
        passes.map(({ sent }) => sent),
        [ROWS_MAX, 20],
      );
      assert.deepEqual(await namesOf(posthorn), numbered(ROWS_MAX + 20));
    });

    test('two relays on one outbox send each event once, and in order', async (t) => {
      const url = await which.url(t);
      const [one, other] = [
        await opened(t, { ...which, url: async () => url }),
        await openDatabase(url),
      ];
      lastFirst(t).after(other.close);
      const posthorn = await startPosthorn(t);
      await store(one, 40);
      // One may find the other at the very row, and stops there; the next pass goes on.
      while ((await outboxCounts(one)).waiting > 0) {
        await Promise.all([one, other].map((each) => relayOnce(ports(each, posthorn))));
      }
      assert.deepEqual(await namesOf(posthorn), numbered(40));
    });

    test('an event that Posthorn refuses is kept and told of, and holds back nothing', async (t) => {
      const database = await opened(t, which);
      const posthorn = await startPosthorn(t);
      await posthorn.client.eventTypes.delete('project.deleted');
      await createChange(database, () => {})(async (_sql, emit) => {
        await emit('project.deleted', projectNumber(1));
        await emit('project.created', projectNumber(2));
      });
      const reports: string[] = [];
      const pass = await relayOnce({
        ...ports(database, posthorn),
        report: (message) => reports.push(message),
      });
      assert.deepEqual(pass, { sent: 1, refused: 1, stoppedBy: null });
      assert.deepEqual(await outboxCounts(database), { waiting: 0, refused: 1 });
      assert.match(reports.join(), /^Posthorn refused the project\.deleted of outbox row \S+: /);
    });

    test('a key that is not valid refuses no event: all of them wait', async (t) => {
      const database = await opened(t, which);
      const { url } = await startPosthorn(t);
      await store(database, 2);
      const posthorn = createClient({ baseUrl: url, apiKey: 'phk_wrong', retriesMax: 0 });
      const { stoppedBy } = await relayOnce({ database, posthorn, report: () => {} });
      assert.ok(stoppedBy instanceof PosthornApiError);
      assert.equal(stoppedBy.code, 'unauthorized');
      assert.deepEqual(await outboxCounts(database), { waiting: 2, refused: 0 });
    });
  });
}

async function opened(t: TestContext, which: TestDatabase): Promise<Database> {
  const database = await openDatabase(await which.url(t));
  lastFirst(t).after(database.close);
  return database;
}

function ports(database: Database, { client }: TestPosthorn) {
  return { database, posthorn: client, report: () => {} };
}

function projectNumber(number: number) {
  return { id: `prj_${number}`, name: `Project ${number}`, created_at: '2023-12-01T15:30:00.000Z' };
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `Project ${index + 1}`);
}

async function store(database: Database, count: number): Promise<void> {
  await createChange(database, () => {})(async (_sql, emit) => {
    for (let number = 1; number <= count; number += 1) {
      await emit('project.created', projectNumber(number));
    }
  });
}

async function typesOf(posthorn: TestPosthorn): Promise<string[]> {
  return (await posthorn.events()).map(({ type }) => type);
}

async function namesOf(posthorn: TestPosthorn): Promise<unknown[]> {
  return (await posthorn.events()).map(({ data }) => (data as { name?: unknown }).name);
}
