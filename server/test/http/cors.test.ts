import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/start-test-server.ts';

const OURS = 'https://app.example.com';
const ALSO_OURS = 'http://localhost:5173';
const ORIGINS = `${OURS}, ${ALSO_OURS}`;

const server = await startTestServer(
  { after },
  { environment: { POSTHORN_CORS_ORIGINS: ORIGINS } },
);

describe('a page of an allowed origin', () => {
  const calls: readonly [
    what: string,
    method: string,
    path: string,
    key: boolean,
    status: number,
  ][] = [
    ['an answer', 'GET', '/v1/webhooks', true, 200],
    ['a refusal without a key', 'GET', '/v1/webhooks', false, 401],
    ['that there is nothing', 'GET', '/v1/nothing', true, 404],
    ['that an id is too long', 'GET', `/v1/webhooks/${'x'.repeat(300)}`, true, 404],
    ['that a method is not allowed', 'PUT', '/v1/webhooks', true, 405],
    ['whether the server is ready', 'GET', '/readyz', false, 200],
    ['the OpenAPI document', 'GET', '/v1/openapi.json', false, 200],
  ];
  for (const [what, method, path, key, status] of calls) {
    test(`may read ${what}`, async () => {
      const headers = { Origin: OURS, ...(key && { Authorization: `Bearer ${server.key}` }) };
      const answer = await fetch(server.url + path, { method, headers });
      assert.equal(answer.status, status);
      assert.equal(answer.headers.get('Access-Control-Allow-Origin'), OURS);
      assert.equal(answer.headers.get('Vary'), 'Origin');
    });
  }

  test('reads the headers that the client goes by', async () => {
    const answer = await fetch(`${server.url}/healthz`, { headers: { Origin: OURS } });
    const exposed = answer.headers.get('Access-Control-Expose-Headers')?.split(', ') ?? [];
    for (const name of ['X-Request-Id', 'Retry-After', 'Idempotent-Replayed', 'RateLimit']) {
      assert.ok(exposed.includes(name), name);
    }
  });

  for (const origin of [OURS, ALSO_OURS]) {
    test(`at ${origin} is told without a key what it may send`, async () => {
      const answer = await preflight(server.url, origin);
      assert.equal(answer.status, 204);
      assert.deepEqual(corsOf(answer), {
        'access-control-allow-headers': 'Authorization, Content-Type, Idempotency-Key',
        'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
        'access-control-allow-origin': origin,
        'access-control-expose-headers': answer.headers.get('Access-Control-Expose-Headers'),
        'access-control-max-age': '600',
      });
    });
  }
});

describe('a page of another origin', () => {
  const origins: readonly [what: string, origin: string][] = [
    ['another host', 'https://evil.example.com'],
    ['the same host by http', 'http://app.example.com'],
    ['the same host, another port', 'https://app.example.com:8443'],
    ['a host that ends like it', 'https://evil-app.example.com'],
    ['a host that begins like it', 'https://app.example.com.evil.example'],
    ['no origin of its own', 'null'],
    ['every origin at once', ORIGINS],
  ];
  for (const [what, origin] of origins) {
    test(`is told nothing: ${what}`, async () => {
      const refused = await preflight(server.url, origin);
      assert.deepEqual([refused.status, corsOf(refused)], [404, {}]);
      const headers = { Origin: origin, Authorization: `Bearer ${server.key}` };
      const answer = await fetch(`${server.url}/v1/webhooks`, { headers });
      assert.deepEqual([answer.status, corsOf(answer)], [200, {}]);
      // Else a cache could hand this answer to a page that may read it, or the other way round.
      assert.equal(answer.headers.get('Vary'), 'Origin');
    });
  }
});

test('OPTIONS that is no preflight is answered as without the setting', async () => {
  const init = { method: 'OPTIONS', headers: { Origin: OURS } };
  assert.equal((await fetch(`${server.url}/v1/webhooks`, init)).status, 404);
});

test('a preflight allows a call and makes none', async () => {
  const headers = { Origin: OURS, 'Access-Control-Request-Method': 'DELETE' };
  const url = `${server.url}/v1/event-types/user.created`;
  assert.equal((await fetch(url, { method: 'OPTIONS', headers })).status, 204);
  const { body } = await server.request<{ data: { name: string }[] }>('GET', '/v1/event-types');
  assert.ok(body.data.some(({ name }) => name === 'user.created'));
});

test('unless the operator names origins, there are none', async (t) => {
  const closed = await startTestServer(t);
  const answer = await preflight(closed.url, OURS);
  assert.deepEqual([answer.status, corsOf(answer)], [404, {}]);
  const headers = { Origin: OURS };
  const read = await fetch(`${closed.url}/healthz`, { headers });
  assert.deepEqual([corsOf(read), read.headers.get('Vary')], [{}, null]);
});

function preflight(url: string, origin: string): Promise<Response> {
  return fetch(`${url}/v1/events`, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization,content-type,idempotency-key',
    },
  });
}

/** All of them: one that is not expected, such as that of credentials, is a fault too. */
function corsOf({ headers }: Response): object {
  return Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')));
}
