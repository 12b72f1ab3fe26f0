import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnrecoverableError, Worker } from 'bullmq';
import { signedRequest, TEST_SECRET } from '../../receiver/src/testing.ts';
import { fastify } from './support/programs.ts';
import { createReceiver } from './support/receiver.ts';
import { testReceiver } from './support/receiver-tests.ts';

testReceiver(fastify);

const skip = fastify.missing !== null && !process.env.CI && `NOT TESTED: ${fastify.missing}`;

test('Fastify takes an event again that its queue gave up', { skip }, async (t) => {
  const receiver = await createReceiver(t, fastify);
  await receiver.start([TEST_SECRET], { works: false });
  const { headers, body } = await signedRequest({ id: 'evt_given_up' });
  const send = () => fetch(`${receiver.url}/webhooks`, { method: 'POST', headers, body });
  assert.equal((await send()).status, 200);

  const worker = new Worker('webhooks', null, { connection: { url: receiver.redisUrl } });
  try {
    const job = await worker.getNextJob('test');
    await job?.moveToFailed(new UnrecoverableError('stalled too often'), 'test');
    assert.equal(await job?.isFailed(), true);
  } finally {
    await worker.close();
  }

  assert.equal((await send()).status, 200);
  assert.equal((await send()).status, 200);
  await receiver.untilLogged('duplicate', 'evt_given_up');
  assert.equal((await receiver.untilLogged('queued', 'evt_given_up')).length, 2);
  await receiver.kill();
  await receiver.start([TEST_SECRET]);
  await receiver.untilLogged('done', 'evt_given_up');
  assert.equal((await receiver.untilLogged('handled', 'evt_given_up')).length, 1);
});
