import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as examples from '../../src/http/openapi/examples.ts';
import { assertInContract, contractFault, type Exchange } from './contract.ts';

const PROBLEM_TYPE = 'application/problem+json';

describe('an answer is in the contract', () => {
  test('when it is what the document has for the call', () => {
    assert.equal(contractFault(exchange()), null);
    assert.equal(contractFault(exchange({ path: '/v1/webhooks/wh_1?' })), null);
  });

  test('when it is a refusal that the call has', () => {
    assert.equal(contractFault(problem('unauthorized', 401)), null);
  });

  test('when it has no body and needs none', () => {
    assert.equal(contractFault(exchange({ method: 'DELETE', status: 204, text: '' })), null);
  });

  test('when the router refused the call with a problem', () => {
    assert.equal(contractFault({ ...problem('not_found', 404), path: '/v1/nothing' }), null);
    const other = { ...problem('method_not_allowed', 405), method: 'PUT' };
    assert.equal(contractFault(other), null);
  });
});

describe('an answer is not in the contract', () => {
  const { url: _, ...withoutUrl } = examples.WEBHOOK;
  const cases: readonly [when: string, exchange: Exchange, fault: RegExp][] = [
    ['when a member is missing', exchange({ body: withoutUrl }), /required property 'url'/],
    [
      'when it has a member that the document does not name',
      exchange({ body: { ...examples.WEBHOOK, more: 1 } }),
      /must NOT have additional properties/,
    ],
    [
      'when a member is of another type',
      exchange({ body: { ...examples.WEBHOOK, status: 'gone' } }),
      /status must be equal to one of the allowed values/,
    ],
    [
      'when a time is not in UTC',
      exchange({ body: { ...examples.WEBHOOK, created_at: '2026-11-24T04:11:32+01:00' } }),
      /created_at must match format "date-time"/,
    ],
    ['when the call has no such status', exchange({ status: 202 }), /no answer with this status/],
    [
      'when its type is another',
      exchange({ mediaType: 'text/html' }),
      /not of the type "text\/html"/,
    ],
    [
      'when it has a body and should not',
      exchange({ method: 'DELETE', status: 204 }),
      /the answer has a body/,
    ],
    ['when there is no such call', exchange({ path: '/v1/nothing' }), /there is no such call/],
    [
      'when the code is not one of the call',
      problem('recovery_running', 404),
      /code must be equal to one of the allowed values/,
    ],
    [
      'when it has no request id',
      { ...exchange(), headers: new Headers() },
      /X-Request-Id is missing/,
    ],
  ];
  for (const [when, given, fault] of cases) {
    test(when, () => assert.match(contractFault(given) ?? '', fault));
  }

  test('and the message says which call and what is wrong', () => {
    assert.throws(() => assertInContract(exchange({ body: withoutUrl })), {
      message: /^GET \/v1\/webhooks\/wh_1 was answered 200, .* required property 'url'/,
    });
  });
});

function exchange({
  method = 'GET',
  path = '/v1/webhooks/wh_1',
  status = 200,
  mediaType = 'application/json; charset=utf-8',
  body = examples.WEBHOOK as object,
  text = JSON.stringify(body),
} = {}): Exchange {
  const headers = new Headers({ 'Content-Type': mediaType, 'X-Request-Id': 'req_1' });
  return { method, path, status, headers, text };
}

function problem(code: string, status: number): Exchange {
  const type = `urn:posthorn:error:${code}`;
  const body = { type, title: '', status, detail: '', code, request_id: 'req_1' };
  return exchange({ status, mediaType: PROBLEM_TYPE, body });
}
