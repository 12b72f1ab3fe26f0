import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  createWebhook,
  expectStatus,
  type ListBody,
  type ProblemBody,
  publish,
  type WebhookBody,
} from '../support/api.ts';
import { refusingUrl } from '../support/receiver.ts';
import { startTestServer, type TestServer } from '../support/start-test-server.ts';

interface Item {
  id: string;
}

const WEBHOOKS = 21;

/** With more webhooks than a page has by default; nothing in this file adds or removes one. */
const server = await startTestServer({ after });
const ids: string[] = [];
for (let count = 1; count <= WEBHOOKS; count++) ids.unshift((await createOne(server)).id);

test('a list has twenty items when no limit is given, and says that there are more', async () => {
  const { data, has_more, next_cursor } = await page(server, '/v1/webhooks');
  assert.deepEqual(idsOf(data), ids.slice(0, 20));
  assert.equal(has_more, true);
  assert.equal(typeof next_cursor, 'string');
});

for (const limit of [1, 4, 7, 20, 21, 100]) {
  test(`pages of ${limit} show everything exactly once, newest first`, async () => {
    const pages = await allPages(server, '/v1/webhooks', limit);
    assert.deepEqual(idsOf(pages.flat()), ids);
    const lengths = pages.map(({ length }) => length);
    assert.equal(lengths.length, Math.ceil(WEBHOOKS / limit));
    assert.ok(lengths.slice(0, -1).every((length) => length === limit));
  });
}

test('a list that is empty says so', async (t) => {
  const empty = await startTestServer(t);
  const none = { data: [], has_more: false, next_cursor: null };
  assert.deepEqual(await page(empty, '/v1/webhooks'), none);
  const { id } = await createOne(empty);
  assert.deepEqual(await page(empty, `/v1/webhooks/${id}/deliveries`), none);
});

test('the delivery log pages through every delivery exactly once, newest first', async (t) => {
  const own = await startTestServer(t);
  const { id } = await createWebhook(own, { url: await refusingUrl(t) });
  const events: string[] = [];
  for (let count = 1; count <= 7; count++) events.unshift((await publish(own)).id);
  const pages = await allPages<{ id: string; event_id: string }>(
    own,
    `/v1/webhooks/${id}/deliveries`,
    3,
  );
  assert.deepEqual(
    pages.flat().map(({ event_id }) => event_id),
    events,
  );
  assert.deepEqual(
    pages.map(({ length }) => length),
    [3, 3, 1],
  );
});

test('what is added while somebody pages does not shift the pages', async (t) => {
  const own = await startTestServer(t);
  const before = [await createOne(own), await createOne(own), await createOne(own)];
  const first = await page(own, '/v1/webhooks?limit=2');
  await createOne(own);
  const second = await page(own, `/v1/webhooks?limit=2&cursor=${first.next_cursor}`);
  assert.deepEqual(idsOf([...first.data, ...second.data]), idsOf(before).toReversed());
});

test('a page goes on although the item at its end was deleted', async (t) => {
  const own = await startTestServer(t);
  const [oldest, middle, newest] = [
    await createOne(own),
    await createOne(own),
    await createOne(own),
  ];
  const first = await page(own, '/v1/webhooks?limit=2');
  assert.deepEqual(idsOf(first.data), [newest.id, middle.id]);
  expectStatus(204, await own.request('DELETE', `/v1/webhooks/${middle.id}`));
  const second = await page(own, `/v1/webhooks?limit=2&cursor=${first.next_cursor}`);
  assert.deepEqual(idsOf(second.data), [oldest.id]);
});

test('the limit may change from page to page', async () => {
  const first = await page(server, '/v1/webhooks?limit=2');
  const second = await page(server, `/v1/webhooks?limit=3&cursor=${first.next_cursor}`);
  assert.deepEqual(idsOf([...first.data, ...second.data]), ids.slice(0, 5));
});

test('a cursor that was tampered with is refused', async () => {
  const cursor = (await page(server, '/v1/webhooks?limit=2')).next_cursor ?? '';
  for (let index = 0; index < cursor.length - 1; index++) {
    const other = cursor[index] === 'A' ? 'B' : 'A';
    const changed = cursor.slice(0, index) + other + cursor.slice(index + 1);
    const problem = await refused(server, `/v1/webhooks?cursor=${changed}`);
    assert.deepEqual(faultOf(problem), ['cursor', 'invalid_cursor'], `character ${index}`);
  }
});

for (const [what, cursor] of [
  ['empty', ''],
  ['an id', 'wh_0000000000000000000000AB'],
  ['not base64', '%21%22%C3%A4'],
  ['short', 'AAAA'],
  ['long', 'A'.repeat(300)],
] as const) {
  test(`a cursor that is ${what} is refused`, async () => {
    const problem = await refused(server, `/v1/webhooks?cursor=${cursor}`);
    assert.equal(problem.errors?.[0]?.pointer, 'cursor');
  });
}

test('a cursor of one list is refused in another', async () => {
  const { next_cursor } = await page(server, '/v1/webhooks?limit=2');
  for (const path of [`/v1/webhooks/${ids[0]}/deliveries`, '/v1/event-types']) {
    const problem = await refused(server, `${path}?cursor=${next_cursor}`);
    assert.deepEqual(faultOf(problem), ['cursor', 'invalid_cursor']);
  }
});

test('a cursor of one webhook is refused in the log of another', async (t) => {
  const own = await startTestServer(t);
  const url = await refusingUrl(t);
  const [one, other] = [await createWebhook(own, { url }), await createWebhook(own, { url })];
  await publish(own);
  await publish(own);
  const { next_cursor } = await page(own, `/v1/webhooks/${one.id}/deliveries?limit=1`);
  const problem = await refused(own, `/v1/webhooks/${other.id}/deliveries?cursor=${next_cursor}`);
  assert.deepEqual(faultOf(problem), ['cursor', 'invalid_cursor']);
});

test('a cursor of one installation is refused in another', async (t) => {
  const another = await startTestServer(t);
  const { next_cursor } = await page(server, '/v1/webhooks?limit=2');
  const problem = await refused(another, `/v1/webhooks?cursor=${next_cursor}`);
  assert.deepEqual(faultOf(problem), ['cursor', 'invalid_cursor']);
});

const limits: readonly [limit: string, isAllowed: boolean][] = [
  ['1', true],
  ['100', true],
  ['0', false],
  ['101', false],
  ['-1', false],
  ['1.5', false],
  ['ten', false],
  ['', false],
  ['1&limit=2', false],
];
for (const [limit, isAllowed] of limits) {
  test(`limit=${limit} is ${isAllowed ? 'accepted' : 'refused'}`, async () => {
    const path = `/v1/webhooks?limit=${limit}`;
    if (isAllowed) await page(server, path);
    else assert.equal((await refused(server, path)).errors?.[0]?.pointer, 'limit');
  });
}

test('an unknown query parameter is refused with a suggestion', async () => {
  for (const path of ['/v1/webhooks', `/v1/webhooks/${ids[0]}/deliveries`, '/v1/event-types']) {
    const problem = await refused(server, `${path}?limt=5`);
    assert.deepEqual(faultOf(problem), ['limt', 'unknown_parameter']);
    assert.match(problem.detail, /"limt".*Did you mean "limit"\?/);
  }
});

test('a "+" of a time that came as a space is told', async () => {
  const path = '/v1/events?created_after=2026-11-28T20:00:00+01:00';
  const { detail } = await refused(server, path);
  assert.match(detail, /In a URL "\+" is written as "%2B"\.$/);
  await page(server, path.replace('+', '%2B'));
});

async function createOne(of: TestServer): Promise<WebhookBody> {
  return createWebhook(of, { url: 'https://example.com/webhooks' });
}

async function page<Of = Item>(of: TestServer, path: string): Promise<ListBody<Of>> {
  return expectStatus(200, await of.request<ListBody<Of>>('GET', path));
}

async function allPages<Of = Item>(of: TestServer, path: string, limit: number): Promise<Of[][]> {
  const pages: Of[][] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `&cursor=${cursor}`;
    const { data, has_more, next_cursor } = await page<Of>(of, `${path}?limit=${limit}${query}`);
    assert.equal(next_cursor !== null, has_more);
    pages.push(data);
    cursor = next_cursor;
  } while (cursor !== null);
  return pages;
}

async function refused(of: TestServer, path: string): Promise<ProblemBody> {
  const problem = expectStatus(400, await of.request<ProblemBody>('GET', path));
  assert.equal(problem.code, 'invalid_query');
  return problem;
}

function faultOf({ errors }: ProblemBody): (string | undefined)[] {
  return [errors?.[0]?.pointer, errors?.[0]?.code];
}

function idsOf(items: readonly Item[]): string[] {
  return items.map(({ id }) => id);
}
