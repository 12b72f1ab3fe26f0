import assert from 'node:assert/strict';
import { after, describe, type TestContext, test } from 'node:test';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Validator } from '@seriousme/openapi-schema-validator';
import { createApp } from '../app.ts';
import { openDatabase } from '../database.ts';
import { EVENTS } from '../events.ts';
import { PAGE_MAX } from '../schemas.ts';
import { call, created } from './support/account.ts';
import { DATABASES } from './support/databases.ts';
import { lastFirst } from './support/last-first.ts';

const JOHN = { name: 'John Doe', email: 'john@example.com' };

for (const which of DATABASES) {
  describe(`the API on ${which.name}`, () => {
    test('lists are read page by page, each item once', async (t) => {
      const url = await started(t, await which.url(t));
      const ids: string[] = [];
      for (let number = 0; number < PAGE_MAX + 1; number += 1) {
        ids.push(await created(url, '/teams', { name: `Team ${number}` }));
      }
      const first = await call(url, 'GET', '/teams');
      const second = await call(url, 'GET', `/teams?after=${first.body.next}`);
      const pages = [first.body.data, second.body.data] as { id: string }[][];
      assert.deepEqual(
        pages.map((items) => items.length),
        [PAGE_MAX, 1],
      );
      assert.equal(second.body.next, null);
      assert.deepEqual(
        pages.flat().map(({ id }) => id),
        ids.toSorted(),
      );
    });

    test('what is changed is what is read afterwards', async (t) => {
      const url = await started(t, await which.url(t));
      const user = await created(url, '/users', JOHN);
      const team = await created(url, '/teams', { name: 'Crew' });
      const project = await created(url, '/projects', { name: 'Apollo' });
      const member = { user_id: user, role: 'admin' };
      await created(url, `/teams/${team}/members`, member);
      await call(url, 'PATCH', `/users/${user}`, { email: 'doe@example.com' });
      await call(url, 'PATCH', `/projects/${project}`, { name: 'Gemini' });
      assert.equal((await call(url, 'GET', `/users/${user}`)).body.email, 'doe@example.com');
      assert.equal((await call(url, 'GET', `/projects/${project}`)).body.name, 'Gemini');
      assert.equal((await call(url, 'GET', `/teams/${team}`)).body.name, 'Crew');
      const { data } = (await call(url, 'GET', `/teams/${team}/members`)).body;
      const [{ role }] = data as [{ role: string }];
      assert.equal(role, 'admin');
      assert.equal((await call(url, 'GET', '/users')).status, 200);
      assert.equal((await call(url, 'GET', '/projects')).status, 200);
    });

    test('refusals are problem documents with the status that fits', async (t) => {
      const url = await started(t, await which.url(t));
      const user = await created(url, '/users', JOHN);
      const other = await created(url, '/users', { name: 'Jane', email: 'jane@example.com' });
      const team = await created(url, '/teams', { name: 'Crew' });
      const members = `/teams/${team}/members`;
      await created(url, members, { user_id: user, role: 'member' });
      const refused: readonly [method: string, path: string, body: unknown, status: number][] = [
        ['POST', '/users', JOHN, 409],
        ['PATCH', `/users/${other}`, { email: JOHN.email }, 409],
        ['POST', '/users', { name: 'John' }, 400],
        ['POST', '/users', { ...JOHN, name: 5 }, 400],
        ['POST', '/users', { ...JOHN, name: 'nul \u0000' }, 400],
        ['POST', '/users', `{"name":"half \\ud83d","email":"a@example.com"}`, 400],
        ['POST', '/users', { ...JOHN, email: 'john' }, 400],
        ['POST', '/users', { ...JOHN, more: 1 }, 400],
        ['POST', '/users', '{', 400],
        ['POST', '/users', { ...JOHN, name: 'x'.repeat(20_000) }, 413],
        ['PATCH', `/users/${user}`, {}, 400],
        ['GET', '/users/usr_0', undefined, 404],
        ['GET', `/users/${'u'.repeat(300)}`, undefined, 414],
        ['GET', '/users/%', undefined, 400],
        ['GET', '/users?limit=5', undefined, 400],
        ['PATCH', '/projects/prj_0', { name: 'a' }, 404],
        ['DELETE', '/projects/prj_0', undefined, 404],
        ['GET', '/teams/team_0', undefined, 404],
        ['DELETE', '/teams/team_0', undefined, 404],
        ['DELETE', `/teams/${team}`, undefined, 409],
        ['DELETE', `/users/${user}`, undefined, 409],
        ['POST', members, { user_id: user, role: 'member' }, 409],
        ['POST', members, { user_id: 'usr_0', role: 'member' }, 404],
        ['POST', members, { user_id: other, role: 'king' }, 400],
        ['PATCH', `${members}/${other}`, { role: 'owner' }, 404],
        ['DELETE', `${members}/${other}`, undefined, 404],
        ['GET', '/nothing', undefined, 404],
      ];
      for (const [method, path, body, status] of refused) {
        const answer = await call(url, method, path, body);
        assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
        assert.match(answer.contentType ?? '', /^application\/problem\+json/, `${method} ${path}`);
        assert.equal(answer.body.status, status);
      }
    });

    test('of changes at the same time each is told with what was before it', async (t) => {
      const databaseUrl = await which.url(t);
      const url = await started(t, databaseUrl);
      const user = await created(url, '/users', JOHN);
      const team = await created(url, '/teams', { name: 'Crew' });
      await created(url, `/teams/${team}/members`, { user_id: user, role: 'member' });
      const roles = ['owner', 'admin', 'member', 'owner', 'admin', 'member', 'owner', 'admin'];
      await Promise.all(
        roles.map((role) => call(url, 'PATCH', `/teams/${team}/members/${user}`, { role })),
      );
      const database = await openDatabase(databaseUrl);
      lastFirst(t).after(database.close);
      const rows = await database.query<{ data: string }>(
        "select data from outbox where type = 'team.member.role_changed' order by position",
      );
      let before = 'member';
      assert.ok(rows.length > 0);
      for (const { previous_role, role } of rows.map(({ data }) => JSON.parse(data))) {
        assert.equal(previous_role, before);
        before = role;
      }
    });
  });
}

describe('the OpenAPI document of the account API', async () => {
  const database = await openDatabase('sqlite::memory:');
  const app = createApp({ database, committed() {}, report() {} });
  after(async () => {
    await app.close();
    await database.close();
  });
  const { payload } = await app.inject({ url: '/openapi.json' });

  test('is valid by its specification', async () => {
    const { valid, errors } = await new Validator().validate(JSON.parse(payload));
    assert.ok(valid, JSON.stringify(errors));
  });

  test('is valid by a linter', async () => {
    // Whoever asks for the health can make no mistake.
    const rules = { 'operation-4xx-response': 'off' } as const;
    const config = await createConfig({ extends: ['recommended'], rules });
    const problems = await lintFromString({ source: payload, config });
    assert.deepEqual(
      problems.map(({ ruleId, message, location: [place] }) => {
        return `${ruleId}: ${message} (${place?.pointer})`;
      }),
      [],
    );
  });

  test('has an operation for every route but its own, and a webhook for every event', () => {
    const { paths, webhooks } = JSON.parse(payload) as Record<string, Record<string, object>>;
    const operations = Object.entries(paths ?? {}).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    assert.equal(operations.length, 19);
    for (const operation of operations) {
      const [method = '', path = ''] = operation.split(' ');
      const url = path.replace(/\{(\w+)\}/g, ':$1');
      assert.ok(app.hasRoute({ method: method.toUpperCase() as 'GET', url }), operation);
    }
    assert.deepEqual(Object.keys(webhooks ?? {}), Object.keys(EVENTS));
  });
});

/** The API alone, without a relay: what it emits stays in the outbox. */
async function started(t: TestContext, databaseUrl: string): Promise<string> {
  const database = await openDatabase(databaseUrl);
  const app = createApp({
    database,
    committed() {},
    report: (message) => assert.fail(message),
  });
  lastFirst(t).after(database.close);
  lastFirst(t).after(async () => await app.close());
  return await app.listen({ host: '127.0.0.1', port: 0 });
}
