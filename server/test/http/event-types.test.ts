import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { bareType } from '../store/contract/fixtures.ts';
import {
  createWebhook,
  expectStatus,
  type ListBody,
  type ProblemBody,
  publish,
} from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestServer, type TestServer } from '../support/start-test-server.ts';
import { startApiOverStore } from './support/api-over-store.ts';

interface EventTypeBody {
  name: string;
  description: string;
}

const DOCUMENTED = {
  'project.created': 'A new project was created',
  'project.deleted': 'A project was deleted',
  'project.updated': 'A project was updated',
  'team.member.added': 'A member was added to a team',
  'team.member.removed': 'A member was removed from a team',
  'team.member.role_changed': "A member's role was changed",
  'user.created': 'A new user was created',
  'user.deleted': 'A user was deleted',
  'user.updated': 'A user was updated',
};
const NAME_CHARS_MAX = 128;

/** For tests that add no types and publish nothing. */
const shared = await startTestServer({ after });

test('the nine documented event types are known from the start', async () => {
  const { data, has_more } = await list(shared, '?limit=100');
  const described = data.map(({ name, description }) => [name, description.replace(/\.$/, '')]);
  assert.deepEqual(described, Object.entries(DOCUMENTED));
  assert.equal(has_more, false);
});

test('each documented event type can be subscribed to and published', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t);
  await createWebhook(server, { url: receiver.url, events: Object.keys(DOCUMENTED) });
  for (const type of Object.keys(DOCUMENTED)) {
    const { id } = await publish(server, {}, type);
    assert.equal((await receiver.ofEvent(id)).header('X-Webhook-Event'), type);
  }
});

test('the list of event types pages through each once, by name', async () => {
  const names: string[] = [];
  let query = '?limit=4';
  const pageLengths: number[] = [];
  for (let page = 1; page <= 3; page++) {
    const { data, has_more, next_cursor } = await list(shared, query);
    names.push(...data.map(({ name }) => name));
    pageLengths.push(data.length);
    assert.equal(has_more, page < 3);
    assert.equal(next_cursor === null, !has_more);
    query = `?limit=4&cursor=${next_cursor}`;
  }
  assert.deepEqual(pageLengths, [4, 4, 1]);
  assert.deepEqual(names, Object.keys(DOCUMENTED));
});

test('an event type is added with 201 and changed with 200', async (t) => {
  const server = await startTestServer(t);
  const type = { name: 'invoice.paid', description: 'An invoice was paid.' };
  const path = `/v1/event-types/${type.name}`;
  const added = await server.request('PUT', path, { description: 'Another text.' });
  expectStatus(201, added);
  const changed = await server.request('PUT', path, { description: type.description });
  assert.partialDeepStrictEqual(expectStatus(200, changed), type);
  const listed = (await list(server, '?limit=100')).data;
  const [found] = listed.filter(({ name }) => name === type.name);
  assert.partialDeepStrictEqual(found, type);
  assert.equal(listed.length, Object.keys(DOCUMENTED).length + 1);
});

test('an event type that was added can be subscribed to and published', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t);
  expectStatus(
    201,
    await server.request('PUT', '/v1/event-types/invoice.paid', { description: '' }),
  );
  await createWebhook(server, { url: receiver.url, events: ['invoice.paid'] });
  const { id } = await publish(server, { amount: 12 }, 'invoice.paid');
  const body = JSON.parse((await receiver.ofEvent(id)).body.toString('utf8'));
  assert.deepEqual([body.type, body.data], ['invoice.paid', { amount: 12 }]);
});

test('a publish of an unknown event type is refused with a suggestion', async () => {
  const event = { type: 'user.creatd', data: {} };
  const problem = await refused(shared, '/v1/events', event);
  assert.equal(problem.code, 'unknown_event_type');
  assert.match(problem.detail, /"user\.creatd".*Did you mean "user\.created"\?/);
  assert.equal(problem.errors?.[0]?.pointer, '/type');
});

test('a publish to a family is refused without one', async () => {
  const problem = await refused(shared, '/v1/events', { type: 'user.*', data: {} });
  assert.equal(problem.code, 'unknown_event_type');
  assert.doesNotMatch(problem.detail, /Did you mean/);
});

test('a subscription to an unknown event type is refused with a suggestion', async () => {
  const events = ['user.created', 'projct.created'];
  const problem = await refused(shared, '/v1/webhooks', { url: 'https://example.com/', events });
  assert.equal(problem.code, 'unknown_event_type');
  assert.match(problem.errors?.[0]?.detail ?? '', /Did you mean "project\.created"\?/);
  assert.equal(problem.errors?.[0]?.pointer, '/events/1');
});

test('a subscription to an unknown family is refused with a suggestion', async () => {
  const events = ['usr.*'];
  const problem = await refused(shared, '/v1/webhooks', { url: 'https://example.com/', events });
  assert.equal(problem.code, 'unknown_event_type');
  assert.match(problem.detail, /Did you mean "user\.\*"\?/);
});

test('nothing is suggested for a name that is close to none', async () => {
  const problem = await refused(shared, '/v1/events', { type: 'payment_captured', data: {} });
  assert.equal(problem.code, 'unknown_event_type');
  assert.doesNotMatch(problem.detail, /Did you mean/);
});

test('the type of test calls can be neither published nor added', async () => {
  const event = { type: 'webhook.test', data: {} };
  assert.equal((await refused(shared, '/v1/events', event)).code, 'unknown_event_type');
  const path = '/v1/event-types/webhook.test';
  const answer = await shared.request<ProblemBody>('PUT', path, { description: '' });
  assert.equal(expectStatus(422, answer).errors?.[0]?.pointer, '/name');
});

const families: readonly [subscription: string, covered: string[], others: string[]][] = [
  ['*', ['user.created', 'team.member.added'], []],
  ['user.*', ['user.created', 'user.updated'], ['project.created', 'team.member.added']],
  ['team.*', ['team.member.added', 'team.member.role_changed'], ['user.created']],
  ['team.member.*', ['team.member.removed'], ['project.deleted']],
];
for (const [subscription, covered, others] of families) {
  test(`a subscription to ${subscription} gets ${covered.join(' and ')}`, async (t) => {
    const server = await startTestServer(t);
    const [receiver, witness] = [await startReceiver(t), await startReceiver(t)];
    await createWebhook(server, { url: receiver.url, events: [subscription] });
    await createWebhook(server, { url: witness.url });
    for (const type of [...others, ...covered]) {
      await witness.ofEvent((await publish(server, {}, type)).id);
    }
    const requests = await receiver.received(covered.length);
    assert.deepEqual(
      new Set(requests.map((request) => request.header('X-Webhook-Event'))),
      new Set(covered),
    );
    assert.equal(receiver.requests.length, covered.length);
  });
}

test('a family begins behind its full stop: user.* gets neither user nor user_group.added', async (t) => {
  const server = await startTestServer(t);
  const [receiver, witness] = [await startReceiver(t), await startReceiver(t)];
  await createWebhook(server, { url: receiver.url, events: ['user.*'] });
  await createWebhook(server, { url: witness.url });
  for (const type of ['user', 'user_group.added']) {
    expectStatus(
      201,
      await server.request('PUT', `/v1/event-types/${type}`, { description: 'Like a user.' }),
    );
    await witness.ofEvent((await publish(server, {}, type)).id);
  }
  const { id } = await publish(server, {}, 'user.created');
  await receiver.ofEvent(id);
  assert.equal(receiver.requests.length, 1);
});

test('an event goes once to a webhook that subscribes to it in several ways', async (t) => {
  const server = await startTestServer(t);
  const receiver = await startReceiver(t);
  const events = ['*', 'user.*', 'user.created'];
  const webhook = await createWebhook(server, { url: receiver.url, events });
  await publish(server);
  await receiver.next();
  const log = await server.request<ListBody<unknown>>(
    'GET',
    `/v1/webhooks/${webhook.id}/deliveries`,
  );
  assert.equal(log.body.data.length, 1);
});

const names: readonly [name: string, isAllowed: boolean][] = [
  ['a', true],
  ['0', true],
  ['_', true],
  ['a_b.c_d.e', true],
  ['a'.repeat(NAME_CHARS_MAX), true],
  ['a'.repeat(NAME_CHARS_MAX + 1), false],
  ['A', false],
  ['a-b', false],
  ['a.', false],
  ['.a', false],
  ['a..b', false],
  ['a b', false],
  ['a\n', false],
  ['a.*', false],
  ['*', false],
  ['ä', false],
];
test('an event type is named by lower-case words of a-z, 0-9 and _, joined by dots', async (t) => {
  const server = await startTestServer(t);
  for (const [name, isAllowed] of names) {
    const path = `/v1/event-types/${encodeURIComponent(name)}`;
    const answer = await server.request<ProblemBody>('PUT', path, { description: '' });
    assert.equal(answer.status, isAllowed ? 201 : 422, JSON.stringify(name));
    if (!isAllowed) assert.equal(answer.body.errors?.[0]?.pointer, '/name');
  }
});

async function list(server: TestServer, query: string): Promise<ListBody<EventTypeBody>> {
  const path = `/v1/event-types${query}`;
  return expectStatus(200, await server.request<ListBody<EventTypeBody>>('GET', path));
}

async function refused(server: TestServer, path: string, body: object): Promise<ProblemBody> {
  return expectStatus(422, await server.request<ProblemBody>('POST', path, body));
}

test('a type that another node has deleted is refused after a second, whatever was published meanwhile', async (t) => {
  const { request, store, clock } = await startApiOverStore(t);
  const event = { type: 'user.updated', data: {} };
  assert.equal((await request('POST', '/v1/events', event)).status, 202);
  await store.deleteEventType(event.type);
  await clock.advance(500);
  await request('POST', '/v1/events', event);
  await clock.advance(500);
  assert.equal((await request('POST', '/v1/events', event)).status, 422);
  await store.putEventType(bareType(event.type), { max: 100 });
  assert.equal((await request('POST', '/v1/events', event)).status, 202);
});
