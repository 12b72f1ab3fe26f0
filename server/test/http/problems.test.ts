import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { ProblemBody } from '../support/api.ts';
import { startTestServer } from '../support/start-test-server.ts';

const server = await startTestServer({ after });
const HEADER_BYTES_MAX = 16_384;

const refusals: readonly [
  what: string,
  status: number,
  ask: () => ReturnType<typeof server.request>,
][] = [
  ['malformed JSON', 400, () => server.request('POST', '/v1/webhooks', '{')],
  ['an unknown query parameter', 400, () => server.request('GET', '/v1/webhooks?x=1')],
  ['a path that is not valid', 400, () => server.request('GET', '/v1/webhooks/%')],
  [
    'a missing key',
    401,
    () => server.request('GET', '/v1/webhooks', undefined, { Authorization: undefined }),
  ],
  ['an unknown path', 404, () => server.request('GET', '/v2/webhooks')],
  ['an unknown id', 404, () => server.request('GET', '/v1/webhooks/wh_123456')],
  ['a method that is not allowed', 405, () => server.request('DELETE', '/v1/webhooks')],
  [
    'another content type',
    415,
    () => server.request('POST', '/v1/webhooks', 'x', { 'Content-Type': 'text/plain' }),
  ],
  [
    'a compressed body',
    415,
    () => {
      const body = gzipSync('{"type":"user.created","data":{}}');
      return server.request('POST', '/v1/events', body, { 'Content-Encoding': 'gzip' });
    },
  ],
  ['a member of the wrong type', 422, () => server.request('POST', '/v1/webhooks', { url: 5 })],
  [
    'an unknown event type',
    422,
    () => server.request('POST', '/v1/events', { type: 'x', data: {} }),
  ],
  [
    'an event that is too large',
    413,
    () =>
      server.request('POST', '/v1/events', {
        type: 'user.created',
        data: { t: 'x'.repeat(110_000) },
      }),
  ],
];
for (const [what, status, ask] of refusals) {
  test(`${what} is answered with a problem document`, async () => {
    const { headers, body, ...answer } = await ask();
    assert.equal(answer.status, status);
    assert.equal(headers.get('Content-Type'), 'application/problem+json');
    expectProblem(body, status, headers.get('X-Request-Id'));
  });
}

test('every answer has a request id of its own', async () => {
  const answers = [
    await server.request('GET', '/healthz'),
    await server.request('GET', '/v1/webhooks'),
    await server.request('GET', '/v1/webhooks'),
    await server.request('GET', '/v1/nothing'),
  ];
  const ids = answers.map(({ headers }) => headers.get('X-Request-Id') ?? '');
  for (const id of ids) assert.match(id, /^req_[A-Za-z0-9]+$/);
  assert.equal(new Set(ids).size, ids.length);
});

test('a request id that the caller sends is not taken over', async () => {
  const headers = { 'X-Request-Id': 'req_mine' };
  const answer = await server.request('GET', '/v1/webhooks', undefined, headers);
  assert.notEqual(answer.headers.get('X-Request-Id'), 'req_mine');
});

const allowed: readonly [path: string, methods: string[]][] = [
  ['/v1/webhooks', ['GET', 'POST']],
  ['/v1/webhooks/wh_123456', ['DELETE', 'GET', 'PATCH']],
  ['/v1/webhooks/wh_123456/test', ['POST']],
  ['/v1/webhooks/wh_123456/deliveries', ['GET']],
  ['/v1/deliveries/del_123456', ['GET']],
];
for (const [path, methods] of allowed) {
  test(`${path} answers 405 and "Allow" to every method but ${methods.join(', ')}`, async () => {
    const answered = methods.flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one]));
    const others = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter(
      (one) => !methods.includes(one),
    );
    for (const method of others) {
      const answer = await server.request<ProblemBody>(method, path);
      assert.deepEqual([answer.status, answer.body.code], [405, 'method_not_allowed'], method);
      const allow = answer.headers.get('Allow')?.split(', ').sort();
      assert.deepEqual(allow, answered.sort(), method);
    }
  });
}

for (const path of ['/healthz', '/readyz', '/v1/webhooks', '/v1/webhooks/wh_123456']) {
  test(`HEAD ${path} is answered as GET is, without the body`, async () => {
    const { status, headers } = await server.request('GET', path);
    const init = { method: 'HEAD', headers: { Authorization: `Bearer ${server.key}` } };
    const head = await fetch(server.url + path, init);
    assert.equal(head.status, status);
    assert.equal(await head.text(), '');
    for (const name of ['Content-Type', 'Content-Length']) {
      assert.equal(head.headers.get(name), headers.get(name), name);
    }
  });
}

test('a slash at the end of a path changes nothing', async () => {
  const headers = { Authorization: `Bearer ${server.key}`, 'Content-Type': 'application/json' };
  const body = JSON.stringify({ url: 'https://example.com/webhooks', events: ['*'] });
  const created = await fetch(`${server.url}/v1/webhooks/`, { method: 'POST', headers, body });
  assert.equal(created.status, 201);
  const { id } = (await created.json()) as { id: string };
  for (const path of ['/healthz/', '/v1/webhooks/', `/v1/webhooks/${id}/`]) {
    assert.equal((await fetch(server.url + path, { headers })).status, 200, path);
  }
  const deleted = await fetch(`${server.url}/v1/webhooks/`, { method: 'DELETE', headers });
  assert.deepEqual([deleted.status, deleted.headers.get('Allow')], [405, 'POST, GET, HEAD']);
});

test('a method that a path does not know is named', async () => {
  const { status, body } = await server.request<ProblemBody>('POST', '/healthz');
  assert.deepEqual([status, body.detail], [404, 'There is no POST /healthz.']);
});

test('HEAD of what has no GET is not allowed', async () => {
  const headers = { Authorization: `Bearer ${server.key}` };
  const head = await fetch(`${server.url}/v1/webhooks/wh_123456/test`, { method: 'HEAD', headers });
  assert.deepEqual([head.status, head.headers.get('Allow')], [405, 'POST']);
});

const malformed: readonly [what: string, bytes: string, status: number, code: string][] = [
  ['what is not HTTP', 'Hello\r\n\r\n', 400, 'malformed_request'],
  [
    'a request without Host',
    'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n',
    400,
    'malformed_request',
  ],
  [
    'a header without a name',
    'GET /healthz HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n',
    400,
    'malformed_request',
  ],
  [
    'headers of more than 16 KiB',
    `GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(HEADER_BYTES_MAX)}\r\n\r\n`,
    431,
    'headers_too_large',
  ],
];
for (const [what, bytes, status, code] of malformed) {
  test(`${what} is answered with ${status} and a problem document`, async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write(bytes);
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(head, /^Content-Type: application\/problem\+json$/im);
    const problem: ProblemBody = JSON.parse(body);
    assert.equal(problem.code, code);
    expectProblem(problem, status, /^X-Request-Id: (.*)$/im.exec(head)?.[1] ?? null);
  });
}

function expectProblem(body: unknown, status: number, requestId: string | null): void {
  const problem = body as ProblemBody;
  assert.deepEqual(Object.keys(problem).slice(0, 6), [
    'type',
    'title',
    'status',
    'detail',
    'code',
    'request_id',
  ]);
  assert.equal(problem.type, `urn:posthorn:error:${problem.code}`);
  assert.equal(problem.status, status);
  assert.match(problem.code, /^[a-z]+(_[a-z]+)*$/);
  assert.ok(problem.title.length > 0);
  assert.match(problem.detail, /[.?]$/);
  assert.match(problem.request_id, /^req_[A-Za-z0-9]+$/);
  assert.equal(problem.request_id, requestId);
}
