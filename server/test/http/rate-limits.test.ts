import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { STRANGERS } from '../../src/http/callers.ts';
import { expectStatus, type ProblemBody } from '../support/api.ts';
import { KEYS, startApiOverStore } from './support/api-over-store.ts';

const WRONG = { Authorization: 'Bearer phk_wrong' };

describe('requests without a valid key', () => {
  test('are refused with 429 when too many came from their address', async (t) => {
    const api = await startApiOverStore(t);
    for (let left = STRANGERS.quota - 1; left >= 0; left--) {
      const { status, code, headers } = await api.from('192.0.2.1', WRONG);
      assert.deepEqual([status, code], [401, 'unauthorized']);
      assert.equal(headers['ratelimit-policy'], '"unauthorized";q=30;w=60');
      assert.match(String(headers.ratelimit), new RegExp(`^"unauthorized";r=${left};t=\\d+$`));
    }
    const { status, code, headers } = await api.from('192.0.2.1', WRONG);
    assert.deepEqual([status, code, headers['retry-after']], [429, 'rate_limited', '2']);
    assert.equal(headers.ratelimit, '"unauthorized";r=0;t=60');
  });

  test('are answered again when the time of Retry-After is over', async (t) => {
    const api = await startApiOverStore(t);
    await exhaust(api, '192.0.2.1');
    await api.clock.advance(2_000);
    assert.equal((await api.from('192.0.2.1', WRONG)).status, 401);
    assert.equal((await api.from('192.0.2.1', WRONG)).status, 429);
  });

  test('are counted without a key, too, and without Authorization', async (t) => {
    const api = await startApiOverStore(t);
    await exhaust(api, '192.0.2.1');
    assert.equal((await api.from('192.0.2.1')).status, 429);
  });

  test('do no harm to a valid key from the same address', async (t) => {
    const api = await startApiOverStore(t);
    await exhaust(api, '192.0.2.1');
    const { status, headers } = await api.from('192.0.2.1', {
      Authorization: `Bearer ${KEYS.first}`,
    });
    assert.equal(status, 200);
    assert.equal(headers.ratelimit, undefined);
  });

  const addresses: readonly [address: string, isSame: boolean][] = [
    ['192.0.2.2', false],
    ['::ffff:192.0.2.1', true],
  ];
  for (const [address, isSame] of addresses) {
    test(`from ${address} are ${isSame ? '' : 'not '}counted with 192.0.2.1`, async (t) => {
      const api = await startApiOverStore(t);
      await exhaust(api, '192.0.2.1');
      assert.equal((await api.from(address, WRONG)).status, isSame ? 429 : 401);
    });
  }

  test('are counted by the /64 of an IPv6 address', async (t) => {
    const api = await startApiOverStore(t);
    await exhaust(api, '2001:db8:0:1::1');
    assert.equal((await api.from('2001:db8:0:1:ffff::2', WRONG)).status, 429);
    assert.equal((await api.from('2001:db8:0:2::1', WRONG)).status, 401);
  });

  test('are not counted from the loopback', async (t) => {
    const api = await startApiOverStore(t);
    for (const address of ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1']) {
      for (let count = 0; count <= STRANGERS.quota; count++) {
        const { status, headers } = await api.from(address, WRONG);
        assert.deepEqual([status, headers.ratelimit], [401, undefined], address);
      }
    }
  });
});

describe('with a rate for each key', () => {
  test('a key that sends more is refused with 429, before its body is read', async (t) => {
    const api = await startApiOverStore(t, { requestRate: 2 });
    for (const left of [1, 0]) {
      const answer = await api.request('GET', '/v1/webhooks');
      expectStatus(200, answer);
      assert.equal(answer.headers.get('RateLimit-Policy'), '"default";q=2;w=1');
      assert.equal(answer.headers.get('RateLimit'), `"default";r=${left};t=1`);
    }
    const headers = { 'Content-Type': 'text/plain' };
    const refused = await api.request<ProblemBody>('POST', '/v1/events', {}, headers);
    assert.equal(expectStatus(429, refused).code, 'rate_limited');
    assert.equal(refused.headers.get('Retry-After'), '1');
    assert.equal(refused.headers.get('RateLimit'), '"default";r=0;t=1');
  });

  test('it is let in again when the time of Retry-After is over', async (t) => {
    const api = await startApiOverStore(t, { requestRate: 1 });
    expectStatus(200, await api.request('GET', '/v1/webhooks'));
    expectStatus(429, await api.request('GET', '/v1/webhooks'));
    await api.clock.advance(1_000);
    expectStatus(200, await api.request('GET', '/v1/webhooks'));
  });

  test('another key has its own', async (t) => {
    const api = await startApiOverStore(t, { requestRate: 1 });
    expectStatus(200, await api.request('GET', '/v1/webhooks'));
    const headers = { Authorization: `Bearer ${KEYS.second}` };
    expectStatus(200, await api.request('GET', '/v1/webhooks', undefined, headers));
  });
});

test('without one, a key sends as much as it likes and no header speaks of limits', async (t) => {
  const api = await startApiOverStore(t);
  for (let count = 0; count < 50; count++) {
    const answer = await api.request('GET', '/v1/webhooks');
    expectStatus(200, answer);
    assert.equal(answer.headers.get('RateLimit'), null);
  }
});

async function exhaust(api: Awaited<ReturnType<typeof startApiOverStore>>, address: string) {
  for (let count = 0; count < STRANGERS.quota; count++) {
    assert.equal((await api.from(address, WRONG)).status, 401);
  }
}
