import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createWebhook, expectStatus, type ProblemBody, publish } from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestServer } from '../support/start-test-server.ts';

const REQUEST_BYTES_MAX = 1_048_576;
const EVENT_BYTES_MAX = 102_400;

const server = await startTestServer({ after });
const receiver = await startReceiver({ after });
await createWebhook(server, { url: receiver.url });
/** What a delivered body has besides the text in its data. */
const emptyEvent = await receiver.ofEvent((await publish(server, { text: '' })).id);
const TEXT_BYTES_MAX = EVENT_BYTES_MAX - emptyEvent.body.length;

test('an event whose body has exactly 102,400 bytes is delivered', async () => {
  const { id } = await publish(server, { text: 'x'.repeat(TEXT_BYTES_MAX) });
  assert.equal((await receiver.ofEvent(id)).body.length, EVENT_BYTES_MAX);
});

test('an event whose body would have 102,401 bytes is refused', async () => {
  await expectTooLarge({ text: 'x'.repeat(TEXT_BYTES_MAX + 1) });
});

for (const [kind, character] of [
  ['two', 'é'],
  ['three', '€'],
  ['four', '🦊'],
] as const) {
  test(`characters of ${kind} bytes count as ${kind}`, async () => {
    const bytes = Buffer.byteLength(character);
    const count = Math.floor(TEXT_BYTES_MAX / bytes);
    const rest = 'x'.repeat(TEXT_BYTES_MAX - count * bytes);
    const { id } = await publish(server, { text: character.repeat(count) + rest });
    assert.equal((await receiver.ofEvent(id)).body.length, EVENT_BYTES_MAX);
    await expectTooLarge({ text: `${character.repeat(count) + rest}x` });
  });
}

test('white space and needless escapes do not count', async () => {
  const escaped = '\\u0041'.repeat(TEXT_BYTES_MAX);
  const body = `{ "type": "user.created", \n "data": { "text": "${escaped}" } }`;
  expectStatus(202, await server.request('POST', '/v1/events', body));
});

test('a request of exactly 1 MiB is read', async () => {
  const answer = await server.request<ProblemBody>(
    'POST',
    '/v1/events',
    ofBytes(REQUEST_BYTES_MAX),
  );
  assert.equal(expectStatus(202, answer).code, undefined);
});

test('a request of more than 1 MiB is refused', async () => {
  const body = ofBytes(REQUEST_BYTES_MAX + 1);
  const answer = await server.request<ProblemBody>('POST', '/v1/events', body);
  assert.equal(expectStatus(413, answer).code, 'body_too_large');
});

async function expectTooLarge(data: object): Promise<void> {
  const event = { type: 'user.created', data };
  const answer = await server.request<ProblemBody>('POST', '/v1/events', event);
  assert.equal(expectStatus(413, answer).code, 'event_too_large');
}

/** A small event with enough white space around it. */
function ofBytes(count: number): string {
  const event = JSON.stringify({ type: 'user.created', data: {} });
  return event + ' '.repeat(count - event.length);
}
