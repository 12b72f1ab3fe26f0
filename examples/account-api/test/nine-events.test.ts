import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVENTS } from '../events.ts';
import { call, created, startAccount } from './support/account.ts';
import { DATABASES } from './support/databases.ts';
import { startPosthorn, startReceiving } from './support/posthorn.ts';

for (const database of DATABASES) {
  test(`calls on ${database.name} emit all nine events, which arrive verified and in order`, async (t) => {
    const posthorn = await startPosthorn(t);
    const receiving = await startReceiving(t, posthorn);
    const { url } = await startAccount(t, await database.url(t), posthorn);

    const john = { name: 'John Doe', email: 'john@example.com' };
    const user = await created(url, '/users', john);
    await changed(url, 'PATCH', `/users/${user}`, { name: 'Jöhn 🦊' });
    const project = await created(url, '/projects', { name: 'Apollo' });
    await changed(url, 'PATCH', `/projects/${project}`, { name: 'Gemini' });
    await changed(url, 'DELETE', `/projects/${project}`);
    const team = await created(url, '/teams', { name: 'Crew' });
    await created(url, `/teams/${team}/members`, { user_id: user, role: 'member' });
    await changed(url, 'PATCH', `/teams/${team}/members/${user}`, { role: 'owner' });
    await changed(url, 'DELETE', `/teams/${team}/members/${user}`);
    await changed(url, 'DELETE', `/users/${user}`);

    const arrived = await receiving.arrivals(9);
    const member = { team_id: team, user_id: user };
    const renamed = { id: user, ...john, name: 'Jöhn 🦊' };
    assert.deepEqual(
      arrived.map(({ type, data: { created_at, ...data } }) => [type, data]),
      [
        ['user.created', { id: user, ...john }],
        ['user.updated', renamed],
        ['project.created', { id: project, name: 'Apollo' }],
        ['project.updated', { id: project, name: 'Gemini' }],
        ['project.deleted', { id: project, name: 'Gemini' }],
        ['team.member.added', { ...member, role: 'member' }],
        ['team.member.role_changed', { ...member, role: 'owner', previous_role: 'member' }],
        ['team.member.removed', { ...member, role: 'owner' }],
        ['user.deleted', renamed],
      ],
    );
    const types = arrived.map(({ type }) => type);
    assert.deepEqual(types.toSorted(), Object.keys(EVENTS).toSorted());
    assert.equal((await posthorn.events()).length, 9);
  });
}

test('the events are those that a fresh Posthorn knows, with the same descriptions', async (t) => {
  const { client } = await startPosthorn(t);
  const known = await Array.fromAsync(client.eventTypes.list());
  assert.deepEqual(
    Object.fromEntries(known.map(({ name, description }) => [name, description])),
    Object.fromEntries(
      Object.entries(EVENTS).map(([name, { description }]) => [name, description]),
    ),
  );
});

async function changed(url: string, method: string, path: string, body?: unknown): Promise<void> {
  const answer = await call(url, method, path, body);
  assert.equal(answer.status, method === 'DELETE' ? 204 : 200, answer.text);
}
