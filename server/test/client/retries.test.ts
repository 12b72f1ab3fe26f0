import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type ClientOptions,
  createClient,
  PosthornApiError,
  PosthornConnectionError,
} from 'posthorn/client';
import type { ErrorCode } from '../../src/core/errors.ts';
import * as examples from '../../src/http/openapi/examples.ts';
import { failureOf } from './support/failure-of.ts';

const NEW_EVENT = { type: 'user.created', data: {} };
const NO_ANSWER = new TypeError('fetch failed');

type Answer = Response | Error;

/** A client whose tries are answered in this order, with what it sent and how long it waited. */
function script(answers: readonly Answer[], options: Partial<ClientOptions> = {}) {
  const sent: RequestInit[] = [];
  const waitsMs: number[] = [];
  const client = createClient({
    baseUrl: 'https://webhooks.example.com',
    apiKey: 'phk_1',
    fetch: async (_url, init) => {
      const answer = answers[sent.length] ?? assert.fail('there was one more try');
      sent.push(init);
      if (answer instanceof Error) throw answer;
      return answer.clone();
    },
    wait: async (ms) => {
      waitsMs.push(ms);
    },
    ...options,
  });
  const keys = () => sent.map(({ headers }) => new Headers(headers).get('Idempotency-Key'));
  return { client, sent, waitsMs, keys };
}

function accepted(): Response {
  return Response.json(examples.ACCEPTED, { status: 202 });
}

function refused(status: number, code: ErrorCode, headers: Record<string, string> = {}): Response {
  const body = JSON.stringify({ code, detail: 'Why.' });
  return new Response(body, {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...headers },
  });
}

describe('a call is sent again', () => {
  const failures: readonly [when: string, answer: Answer][] = [
    ['when there was no answer', NO_ANSWER],
    ['when the server is overloaded', refused(503, 'overloaded', { 'Retry-After': '1' })],
    ['when there were too many', refused(429, 'rate_limited', { 'Retry-After': '1' })],
    ['when the same call is in progress', refused(409, 'idempotency_in_progress')],
    ['when a proxy had no answer', new Response('<html>', { status: 502 })],
  ];
  for (const [when, answer] of failures) {
    test(`${when}, with the same key`, async () => {
      const { client, keys } = script([answer, accepted()]);
      assert.equal((await client.events.publish(NEW_EVENT)).id, examples.ACCEPTED.id);
      const [first, second, ...others] = keys();
      assert.match(first ?? '', /^[0-9a-f]{32}$/);
      assert.equal(second, first);
      assert.deepEqual(others, []);
    });
  }

  test('with the key of the caller, if there is one', async () => {
    const { client, keys } = script([NO_ANSWER, accepted()]);
    await client.events.publish(NEW_EVENT, { idempotencyKey: 'user-789-created' });
    assert.deepEqual(keys(), ['user-789-created', 'user-789-created']);
  });

  test('not before `Retry-After`', async () => {
    const answer = refused(503, 'change_pending', { 'Retry-After': '2' });
    const { client, waitsMs } = script([answer, Response.json(examples.WEBHOOK)]);
    await client.webhooks.update('wh_1', { description: '' });
    const [waitMs = 0] = waitsMs;
    assert.ok(waitMs >= 2_000 && waitMs < 2_500, `${waitMs} ms`);
  });

  test('after longer and longer pauses that are bounded', async () => {
    const { client, waitsMs } = script([...Array(8).fill(NO_ANSWER), accepted()], {
      retriesMax: 8,
    });
    await client.events.publish(NEW_EVENT);
    assert.equal(waitsMs.length, 8);
    for (const [retry, waitMs] of waitsMs.entries()) {
      assert.ok(waitMs < Math.min(500 * 2 ** retry, 8_000), `${waitMs} ms before retry ${retry}`);
    }
  });

  test('and what an earlier try has deleted is no error', async () => {
    const { client } = script([NO_ANSWER, refused(404, 'not_found')]);
    await client.webhooks.delete('wh_1');
  });
});

describe('a call is not sent again', () => {
  test('when the server says that it is wrong', async () => {
    const { client, sent } = script([refused(422, 'invalid_request')]);
    await assert.rejects(client.events.publish(NEW_EVENT), { code: 'invalid_request' });
    assert.equal(sent.length, 1);
  });

  test('when the server failed, because the next time may be no better', async () => {
    const { client, sent } = script([refused(500, 'internal_error')]);
    await assert.rejects(client.events.publish(NEW_EVENT), { code: 'internal_error' });
    assert.equal(sent.length, 1);
  });

  test('when what is to be deleted was never there', async () => {
    const { client } = script([refused(404, 'not_found')]);
    await assert.rejects(client.webhooks.delete('wh_1'), { code: 'not_found' });
  });

  test('when the server asks for a longer wait than a caller expects', async () => {
    const { client, waitsMs } = script([refused(429, 'rate_limited', { 'Retry-After': '61' })]);
    await assert.rejects(client.events.publish(NEW_EVENT), { retryAfterSeconds: 61 });
    assert.deepEqual(waitsMs, []);
  });

  test('more often than the options say', async () => {
    const { client, sent } = script(Array(3).fill(NO_ANSWER), { retriesMax: 2 });
    const error = await failureOf(client.events.publish(NEW_EVENT));
    assert.ok(error instanceof PosthornConnectionError);
    assert.equal(error.cause, NO_ANSWER);
    assert.equal(sent.length, 3);
  });

  test('when its caller gives up, which is thrown as it is', async () => {
    const giveUp = new AbortController();
    const reason = new Error('enough');
    const { client, sent } = script([NO_ANSWER], {
      wait: async (_ms, signal) => {
        giveUp.abort(reason);
        signal?.throwIfAborted();
      },
    });
    const call = client.events.publish(NEW_EVENT, { signal: giveUp.signal });
    await assert.rejects(call, (error) => error === reason);
    assert.equal(sent.length, 1);
  });
});

test('a try ends when its caller gives up, and nothing is waited for', async () => {
  const giveUp = new AbortController();
  const reason = new Error('enough');
  const { client, waitsMs } = script([], {
    fetch: (_url, { signal }) => {
      giveUp.abort(reason);
      return Promise.reject(signal?.reason);
    },
  });
  const call = client.events.publish(NEW_EVENT, { signal: giveUp.signal });
  await assert.rejects(call, (error) => error === reason);
  assert.deepEqual(waitsMs, []);
});

test('the pause between two tries ends when its caller gives up', async () => {
  const giveUp = new AbortController();
  const reason = new Error('enough');
  const client = createClient({
    baseUrl: 'https://webhooks.example.com',
    apiKey: 'phk_1',
    fetch: async () => {
      queueMicrotask(() => setImmediate(() => giveUp.abort(reason)));
      return refused(503, 'draining', { 'Retry-After': '60' });
    },
  });
  const call = client.events.publish(NEW_EVENT, { signal: giveUp.signal });
  await assert.rejects(call, (error) => error === reason);
});

test('a try that takes too long is no answer', async () => {
  const { client } = script([], {
    timeoutMs: 1,
    retriesMax: 0,
    fetch: (_url, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
      }),
  });
  const error = await failureOf(client.events.publish(NEW_EVENT));
  assert.ok(error instanceof PosthornConnectionError);
  assert.equal((error.cause as Error).name, 'TimeoutError');
});

test('an answer that is not from Posthorn is an error without a code', async () => {
  const { client } = script([new Response('<html>', { status: 403 })]);
  const error = await failureOf(client.events.publish(NEW_EVENT));
  assert.ok(error instanceof PosthornApiError);
  assert.deepEqual([error.status, error.code, error.faults], [403, null, []]);
});

test('a page where an answer should be is no answer', async () => {
  const { client } = script([new Response('<html>', { status: 200 })]);
  const error = await failureOf(client.events.publish(NEW_EVENT));
  assert.ok(error instanceof PosthornConnectionError);
});
