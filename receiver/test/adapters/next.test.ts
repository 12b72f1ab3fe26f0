// The adapter for Next.js in a real Next.js, over a real socket.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createReceiver } from '../../src/index.ts';
import { duplicateOf, signedRequest, TEST_SECRET, tamperedRequest } from '../../src/testing.ts';
import { testAdapter } from './matrix.ts';
import { buildNext, installNext, receiveWith, serveNext } from './next-server.ts';
import { type Listening, post } from './running.ts';

const missing = installNext();
// A laptop may be without a network; in CI a test that does not run would be a hole nobody sees.
const skip = missing !== null && !process.env.CI && `NOT TESTED: ${missing}`;

describe('Next.js', { skip }, () => {
  let served: Listening;

  before(async () => {
    assert.equal(missing, null);
    buildNext();
    served = await serveNext();
  });
  after(() => served?.stop());

  const sendTo = (folder: string) => ({
    send: (request: Parameters<typeof post>[1]) => post(served.url + folder, request),
    stop() {},
  });

  testAdapter({
    name: 'a route handler',
    async start(receiver) {
      receiveWith(receiver);
      return sendTo('');
    },
    startParsed: async () => sendTo('/parsed'),
  });

  test('a body over 1 MiB is answered 413', async () => {
    receiveWith(anyReceiver());
    const sent = await signedRequest();
    const { send } = sendTo('');
    assert.equal((await send({ ...sent, body: 'x'.repeat(1_048_577) })).status, 413);
    assert.equal((await send(sent)).status, 200);
  });

  test('a request without a body is answered 400', async () => {
    receiveWith(anyReceiver());
    const answer = await sendTo('').send({ ...(await signedRequest()), headers: {}, body: '' });
    assert.equal(answer.status, 400);
    assert.match(answer.body, /^headers_missing/);
  });

  test('a slow handler goes on behind the answer, and what it fails of is told', async () => {
    const gate = Promise.withResolvers<void>();
    const told: boolean[] = [];
    const receiver = createReceiver({ secrets: TEST_SECRET, ackAfterMs: 1 })
      .on('*', () => gate.promise)
      .onError((_error, { acknowledged }) => told.push(acknowledged));
    receiveWith(receiver);
    const answer = await sendTo('/slow').send(await signedRequest());
    assert.deepEqual([answer.status, answer.body, told], [202, 'accepted', []]);
    gate.reject(new Error('too late'));
    await receiver.idle();
    assert.deepEqual(told, [true]);
  });

  test('in its edge runtime a delivery is verified, and its repetition is known', async () => {
    const { send } = sendTo('/edge');
    const by = { secret: 'your_webhook_secret' };
    const sent = await signedRequest({}, by);
    const answers = [
      await send(sent),
      await send(await duplicateOf(sent, by)),
      await send(await tamperedRequest({}, by)),
    ];
    assert.deepEqual(
      answers.map(({ status, body }) => `${status} ${body}`),
      ['200 OK', '200 OK, already handled', '401 signature_mismatch: No signature matches.'],
    );
  });
});

function anyReceiver() {
  return createReceiver({ secrets: TEST_SECRET })
    .on('*', () => {})
    .onError(() => {});
}
