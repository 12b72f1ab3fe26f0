import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  type AcceptedBody,
  createWebhook,
  expectStatus,
  type ProblemBody,
} from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestServer } from '../support/start-test-server.ts';

const DEPTH_MAX = 64;
/** It is delivered as it was published. */
const same = 'as published';

const server = await startTestServer({ after });
const receiver = await startReceiver({ after });
await createWebhook(server, { url: receiver.url });

/** What is published as `data`, and what is delivered. */
const accepted: readonly [what: string, published: string, delivered: string][] = [
  ['an empty object', '{}', '{}'],
  ['white space', ' { "a" : [ 1 ,\n\t2 ] } ', '{"a":[1,2]}'],
  ['a name that is empty', '{"":1}', '{"":1}'],
  ['names that look like integers', '{"b":1,"10":2,"a":3,"9":4}', '{"9":4,"10":2,"b":1,"a":3}'],
  ['names that look like no index', '{"01":1,"-1":2,"1.5":3}', '{"01":1,"-1":2,"1.5":3}'],
  ['a negative zero', '{"n":[-0,-0.0,0]}', '{"n":[0,0,0]}'],
  ['numbers with zeros at their end', '{"n":[1.0,1.10,100.00]}', '{"n":[1,1.1,100]}'],
  ['numbers with exponents', '{"n":[1E2,1e-7,1e21,12e-1]}', '{"n":[100,1e-7,1e+21,1.2]}'],
  ['the largest safe integers', '{"n":[9007199254740991,-9007199254740991]}', same],
  ['the smallest number there is', '{"n":5e-324}', same],
  ['the largest number there is', '{"n":1.7976931348623157e308}', '{"n":1.7976931348623157e+308}'],
  ['a decimal fraction', '{"n":[0.1,0.2,0.30000000000000004]}', same],
  ['an escaped letter', '{"\\u0061":"\\u0041"}', '{"a":"A"}'],
  ['an escaped solidus', '{"t":"\\/"}', '{"t":"/"}'],
  ['control characters', '{"t":"\\u0000\\u001F\\n\\u007f"}', '{"t":"\\u0000\\u001f\\n\u007f"}'],
  ['line separators', '{"t":"\\u2028\u2029"}', '{"t":"\u2028\u2029"}'],
  ['an escaped surrogate pair', '{"t":"\\ud83e\\udd8a"}', '{"t":"🦊"}'],
  ['a byte order mark inside a text', '{"t":"\uFEFF"}', '{"t":"\uFEFF"}'],
  ['markup', '{"t":"<script>&amp;</script>"}', same],
  ['text that is not normalised', '{"t":"e\u0301"}', same],
  ['members that objects have by themselves', '{"toString":1,"constructor":2,"prototype":3}', same],
  ['values of every kind', '{"a":null,"b":true,"c":false,"d":[],"e":{},"f":""}', same],
  ['the members of an event', '{"id":"x","type":"y","created_at":"z","data":{"data":{}}}', same],
  [`${DEPTH_MAX} levels`, nested(DEPTH_MAX), same],
];
for (const [what, published, delivered] of accepted) {
  test(`${what} in an event arrives so that parsing and writing it changes nothing`, async () => {
    const { id } = expectStatus(202, await publishText(published));
    const body = (await receiver.ofEvent(id)).body.toString('utf8');
    assert.equal(JSON.stringify(JSON.parse(body)), body);
    const { created_at } = JSON.parse(body);
    const begin = `{"id":"${id}","type":"user.created","created_at":"${created_at}","data":`;
    assert.equal(body, `${begin}${delivered === same ? published : delivered}}`);
  });
}

const refused: readonly [what: string, published: string, fault: string, pointer: string][] = [
  ['a member twice', '{"a":1,"a":2}', 'duplicate_member', '/data/a'],
  ['a member twice with the same value', '{"a":1,"a":1}', 'duplicate_member', '/data/a'],
  ['a member twice, once escaped', '{"a":1,"\\u0061":2}', 'duplicate_member', '/data/a'],
  [
    'a member twice further in',
    '{"x":[0,{"b/c":1,"b/c":2}]}',
    'duplicate_member',
    '/data/x/1/b~1c',
  ],
  ['an integer beyond 2^53', '{"n":9007199254740992}', 'number_not_exact', '/data/n'],
  ['an integer below -2^53', '{"n":-9007199254740992}', 'number_not_exact', '/data/n'],
  ['a number that is too large', '{"n":[1,1e400]}', 'number_not_exact', '/data/n/1'],
  ['a number that is too small', '{"n":1e-400}', 'number_not_exact', '/data/n'],
  ['a number of too many digits', '{"n":0.10000000000000001}', 'number_not_exact', '/data/n'],
  [`${DEPTH_MAX + 1} levels`, nested(DEPTH_MAX + 1), 'too_deep', nestedPointer(DEPTH_MAX + 1)],
  ['__proto__', '{"__proto__":{"a":1}}', 'name_not_allowed', '/data/__proto__'],
  ['__proto__ further in', '{"a":[{"__proto__":1}]}', 'name_not_allowed', '/data/a/0/__proto__'],
  ['an escaped __proto__', '{"\\u005f_proto__":1}', 'name_not_allowed', '/data/__proto__'],
  [
    'constructor.prototype',
    '{"constructor":{"prototype":{}}}',
    'name_not_allowed',
    '/data/constructor/prototype',
  ],
  ['the first half of a surrogate pair', '{"t":"\\ud83e"}', 'lone_surrogate', '/data/t'],
  ['the second half of a surrogate pair', '{"t":"\\udd8a"}', 'lone_surrogate', '/data/t'],
  ['a surrogate pair in the wrong order', '{"t":"\\udd8a\\ud83e"}', 'lone_surrogate', '/data/t'],
];
for (const [what, published, fault, pointer] of refused) {
  test(`${what} in an event is refused with 422 and a pointer`, async () => {
    const answer = await publishText<ProblemBody>(published);
    const problem = expectStatus(422, answer);
    assert.equal(problem.code, 'invalid_request');
    assert.deepEqual([problem.errors?.[0]?.code, problem.errors?.[0]?.pointer], [fault, pointer]);
  });
}

const invalidUtf8: readonly [what: string, bytes: number[]][] = [
  ['a byte that begins nothing', [0xff]],
  ['a character that breaks off', [0xe2, 0x82]],
  ['an overlong spelling', [0xc0, 0xaf]],
  ['half a surrogate pair in UTF-8', [0xed, 0xa0, 0x80]],
];
for (const [what, bytes] of invalidUtf8) {
  test(`${what} is refused as invalid UTF-8`, async () => {
    const problem = expectStatus(422, await publishBytes(bytes));
    assert.deepEqual(
      [problem.errors?.[0]?.code, problem.errors?.[0]?.pointer],
      ['invalid_utf8', '/data/t'],
    );
  });
}

test('the same rules hold for every body, not only for events', async () => {
  const text = '{"url":"https://example.com/","url":"https://example.org/","events":["*"]}';
  const answer = await server.request<ProblemBody>('POST', '/v1/webhooks', text);
  assert.equal(expectStatus(422, answer).errors?.[0]?.pointer, '/url');
});

test('JSON that is nested a hundred thousand times is refused like any other', async () => {
  const answer = await server.request<ProblemBody>('POST', '/v1/events', '['.repeat(100_000));
  assert.equal(expectStatus(422, answer).errors?.[0]?.code, 'too_deep');
});

function publishBytes(bytes: readonly number[]) {
  const [begin = '', end = ''] = '{"type":"user.created","data":{"t":"|"}}'.split('|');
  const body = Buffer.concat([Buffer.from(begin), Buffer.from(bytes), Buffer.from(end)]);
  return server.request<ProblemBody>('POST', '/v1/events', body);
}

function publishText<Body = AcceptedBody>(data: string) {
  return server.request<Body>('POST', '/v1/events', `{"type":"user.created","data":${data}}`);
}

/** Data that makes the whole body so many levels deep; its own object is the second. */
function nested(depth: number): string {
  return `${'{"a":'.repeat(depth - 2)}{}${'}'.repeat(depth - 2)}`;
}

function nestedPointer(depth: number): string {
  return `/data${'/a'.repeat(depth - 2)}`;
}
