import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import express5 from 'express';
import express4 from 'express-4';
import { type AcceptedBody, createWebhook, endedDelivery, expectStatus } from '../support/api.ts';
import { startTestServer, type TestServer } from '../support/start-test-server.ts';
import { startDocumentedReceiver } from './documented-receiver.ts';

const SECRET = 'your_webhook_secret';
const EVENT_BYTES_MAX = 102_400;
/** An event's own members with an empty `t` in its data. */
const EMPTY_EVENT_BYTES =
  '{"id":"evt_","type":"user.created","created_at":"2023-12-01T15:30:00Z","data":{"t":""}}'.length +
  24;

/** Published as it stands here, byte for byte. */
const bodies: readonly [what: string, data: string][] = [
  ['the documented data', '{"id":"usr_789","name":"John Doe","email":"john@example.com"}'],
  ['empty data', '{}'],
  ['letters of many scripts', '{"t":"Jörg Ñandú 東京 العربية हिन्दी"}'],
  ['characters beyond the first plane', '{"t":"🦊👩‍👩‍👧‍👦𝒳"}'],
  ['text that is not normalised', '{"t":"e\u0301 \u00e9"}'],
  ['line separators and control characters', '{"t":"\u2028\u2029\u007f\\u0000\\u001F\\u0085"}'],
  ['escapes that are not needed', '{"\\u0061":"\\u00e9\\/\\u002F\\ud83e\\udd8a"}'],
  ['markup and quotes', '{"t":"<a href=\\"x\\">&amp;\'</a>\\\\"}'],
  ['decimal fractions', '{"n":[1.10,1.0,0.1,0.30000000000000004,-0.0,100.00]}'],
  ['exponents', '{"n":[1e21,1E2,1e-7,5e-324,1.7976931348623157e308,123456789e-20]}'],
  ['the largest safe integers', '{"n":[9007199254740991,-9007199254740991]}'],
  ['a negative zero', '{"n":-0}'],
  ['names that look like integers', '{"b":1,"10":2,"a":3,"9":4,"4294967295":5,"01":6}'],
  ['names that objects have by themselves', '{"toString":1,"constructor":2,"hasOwnProperty":3}'],
  ['an empty name', '{"":{"":[]}}'],
  ['white space', '{\n\t"a" : [ 1 , { "b" : null } ]\r\n}'],
  ['empty containers', '{"a":{},"b":[],"c":[[],{}],"d":null,"e":""}'],
  ['62 levels below its data', `${'{"a":'.repeat(62)}{}${'}'.repeat(62)}`],
  ['many members', JSON.stringify(Object.fromEntries(letters(2_000)))],
  ['100 KiB in all', `{"t":"${'x'.repeat(EVENT_BYTES_MAX - EMPTY_EVENT_BYTES)}"}`],
  ['nearly 100 KiB of emoji', `{"t":"${'🦊'.repeat(25_000)}"}`],
];

for (const [version, express] of [
  ['Express 4', express4],
  ['Express 5', express5],
] as const) {
  describe(`the documented receiver on ${version}`, async () => {
    const server = await startTestServer({ after }, { retryScheduleMs: [0] });

    for (const [what, data] of bodies) {
      test(`verifies an event with ${what}`, async (t) => {
        const receiver = await startDocumentedReceiver(t, { express, secret: SECRET });
        const { delivery, event } = await deliver(server, receiver.url, data);
        assert.deepEqual([delivery.status, delivery.response_code], ['delivered', 200]);
        assert.equal(delivery.attempts[0]?.response_body, 'OK');
        assert.deepEqual(receiver.verified, [
          {
            id: event.id,
            type: 'user.created',
            created_at: event.created_at,
            data: JSON.parse(normal(data)),
          },
        ]);
      });
    }

    test('verifies a test call', async (t) => {
      const receiver = await startDocumentedReceiver(t, { express, secret: SECRET });
      const { id } = await createWebhook(server, { url: receiver.url, secret: SECRET });
      const { body } = await server.request('POST', `/v1/webhooks/${id}/test`);
      assert.partialDeepStrictEqual(body, {
        status: 'delivered',
        response_code: 200,
        response_body: 'OK',
      });
      expectStatus(204, await server.request('DELETE', `/v1/webhooks/${id}`));
    });

    test('verifies with a secret that was generated', async (t) => {
      const created = await createWebhook(server, { url: 'https://example.com/' });
      const secret = created.secret ?? '';
      const { url } = await startDocumentedReceiver(t, { express, secret });
      const path = `/v1/webhooks/${created.id}`;
      expectStatus(200, await server.request('PATCH', path, { url }));
      const { body } = await server.request('POST', `${path}/test`);
      assert.partialDeepStrictEqual(body, { status: 'delivered', response_code: 200 });
      expectStatus(204, await server.request('DELETE', path));
    });

    test('answers 401 with another secret, which is a failed attempt in the log', async (t) => {
      const secret = 'another_webhook_secret';
      const receiver = await startDocumentedReceiver(t, { express, secret });
      const { delivery } = await deliver(server, receiver.url, '{}');
      assert.deepEqual(
        [delivery.status, delivery.response_code, delivery.error?.code],
        ['failed', 401, 'http_status'],
      );
      assert.equal(delivery.attempts[0]?.response_body, 'Invalid signature');
      assert.deepEqual(receiver.verified, []);
    });
  });
}

/** To a webhook of its own, which is deleted afterwards. */
async function deliver(server: TestServer, url: string, data: string) {
  const webhook = await createWebhook(server, { url, secret: SECRET });
  const text = `{"type":"user.created","data":${data}}`;
  const event = expectStatus(202, await server.request<AcceptedBody>('POST', '/v1/events', text));
  const delivery = await endedDelivery(server, webhook.id);
  expectStatus(204, await server.request('DELETE', `/v1/webhooks/${webhook.id}`));
  return { event, delivery };
}

/** As any JSON parser would see it after it was written again: a negative zero loses its sign. */
function normal(data: string): string {
  return JSON.stringify(JSON.parse(data));
}

function letters(count: number): [name: string, value: number][] {
  return Array.from({ length: count }, (_, index) => [`name_${count - index}`, index / 8]);
}
