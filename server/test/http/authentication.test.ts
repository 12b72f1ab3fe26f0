import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { expectStatus, type ProblemBody } from '../support/api.ts';
import { startTestServer } from '../support/start-test-server.ts';

const ROOT_KEY = 'root-key-of-at-least-thirty-two-characters!';

const server = await startTestServer({ after }, { rootKey: ROOT_KEY });

const accepted: readonly [what: string, authorization: string][] = [
  ['the API key', `Bearer ${server.key}`],
  ["the operator's key", `Bearer ${ROOT_KEY}`],
  ['the scheme in lower case', `bearer ${server.key}`],
  ['more than one space', `Bearer   ${server.key}`],
];
for (const [what, authorization] of accepted) {
  test(`a request is let in with ${what}`, async () => {
    expectStatus(200, await ask(authorization));
  });
}

const refused: readonly [what: string, authorization: string | undefined][] = [
  ['no Authorization header', undefined],
  ['an empty Authorization header', ''],
  ['a wrong key', 'Bearer phk_0000000000000000000000000000000000000000000'],
  ['a key that lacks its last character', `Bearer ${server.key.slice(0, -1)}`],
  ['a key with one character more', `Bearer ${server.key}x`],
  ['a key in other letters', `Bearer ${server.key.toUpperCase()}`],
  ['a key without a scheme', server.key],
  ['a scheme without a key', 'Bearer'],
  ['another scheme', `Token ${server.key}`],
  ['the key as a password', `Basic ${btoa(`posthorn:${server.key}`)}`],
  ['two keys', `Bearer ${server.key} ${server.key}`],
];
for (const [what, authorization] of refused) {
  test(`a request is refused with ${what}`, async () => {
    const answer = await ask(authorization);
    assert.equal(expectStatus(401, answer).code, 'unauthorized');
    assert.match(answer.headers.get('WWW-Authenticate') ?? '', /^Bearer/);
    assert.equal(answer.text.includes(server.key), false);
  });
}

test('the key is looked at before the body', async () => {
  const headers = { Authorization: 'Bearer wrong', 'Content-Type': 'text/plain' };
  expectStatus(401, await server.request('POST', '/v1/webhooks', '{', headers));
});

test('every call under /v1 needs the key', async () => {
  const id = '0000000000000000000000AB';
  const calls: readonly [method: string, path: string][] = [
    ['POST', '/v1/webhooks'],
    ['GET', '/v1/webhooks'],
    ['GET', `/v1/webhooks/wh_${id}`],
    ['PATCH', `/v1/webhooks/wh_${id}`],
    ['DELETE', `/v1/webhooks/wh_${id}`],
    ['POST', `/v1/webhooks/wh_${id}/test`],
    ['GET', `/v1/webhooks/wh_${id}/deliveries`],
    ['POST', `/v1/webhooks/wh_${id}/secret/rotate`],
    ['POST', `/v1/webhooks/wh_${id}/recover`],
    ['GET', `/v1/recoveries/rec_${id}`],
    ['POST', `/v1/deliveries/del_${id}/cancel`],
    ['POST', '/v1/events'],
    ['GET', `/v1/events/evt_${id}`],
    ['GET', `/v1/deliveries/del_${id}`],
    ['GET', '/v1/event-types'],
    ['GET', '/v1/event-types/user.created'],
    ['PUT', '/v1/event-types/user.created'],
  ];
  for (const [method, path] of calls) {
    const answer = await server.request(method, path, undefined, { Authorization: undefined });
    assert.equal(answer.status, 401, `${method} ${path}`);
  }
});

test('a key in the query is not a key', async () => {
  const path = `/v1/webhooks?access_token=${server.key}`;
  expectStatus(401, await server.request('GET', path, undefined, { Authorization: undefined }));
});

function ask(authorization: string | undefined) {
  const headers = { Authorization: authorization };
  return server.request<ProblemBody>('GET', '/v1/webhooks', undefined, headers);
}
