import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import type { Webhook } from '../../src/core/model.ts';
import { settled } from './support/fake-clock.ts';
import { answered, OK, type Sent } from './support/fake-transport.ts';
import { answerOne, expectOne, failing, keepBefore } from './support/steps.ts';
import {
  ATTEMPT_TIMEOUT_MS,
  assertSentOnce,
  openWorld,
  refOf,
  SECRET,
  type World,
} from './support/world.ts';

const DAY_MS = 86_400_000;
const NEW = 'another_webhook_secret';

describe('during the overlap of a rotation', () => {
  test('a request is signed with both secrets, the newest first, and the legacy header with the one before', async (t) => {
    const { world } = await rotated(t);
    await world.publish();
    const sent = expectOne(world.transport.sent);
    assert.equal(
      sent.header('webhook-signature'),
      `${standard(sent, NEW)} ${standard(sent, SECRET)}`,
    );
    assert.equal(sent.header('x-webhook-signature'), legacy(sent, SECRET));
  });

  for (const status of [401, 403]) {
    test(`a ${status} is followed at once by a second try with the other secret`, async (t) => {
      const { world, webhook } = await rotated(t);
      world.transport.answering = knowing(NEW, status);
      await world.publish();
      assert.deepEqual(world.transport.sent.map(secretOf), [SECRET, NEW]);
      const delivery = expectOne(await world.deliveriesOf(webhook));
      assert.deepEqual([delivery.status, delivery.attemptCount], ['delivered', 1]);
    });
  }

  for (const status of [200, 400, 404, 410, 429, 500, 302]) {
    test(`a ${status} is followed by none`, async (t) => {
      const { world } = await rotated(t);
      world.transport.answering = () => answered(status);
      await world.publish();
      assert.equal(world.transport.sent.length, 1);
    });
  }

  test('what a second try has shown holds also when the webhook was read again meanwhile', async (t) => {
    const { world, webhook } = await rotated(t);
    world.transport.answering = () => 'nothing';
    await world.publish();
    await answerOne(world, answered(401));
    await world.patch(webhook, { description: 'Another' });
    await answerOne(world);
    await world.publish();
    assert.equal(secretOf(expectOne(world.transport.open())), NEW);
  });

  test('both tries are kept: the same number, rows of their own, and why there were two', async (t) => {
    const { world, webhook } = await rotated(t);
    world.transport.answering = knowing(NEW);
    await world.publish();
    const { accountId, id } = expectOne(await world.deliveriesOf(webhook));
    const attempts = (await world.store.getDelivery(accountId, id))?.attempts ?? [];
    assert.deepEqual(
      attempts.map(({ number, responseCode, note }) => [number, responseCode, note]),
      [
        [1, 401, null],
        [1, 200, 'second_secret'],
      ],
    );
    assert.equal(new Set(attempts.map((attempt) => attempt.id)).size, 2);
    assert.deepEqual(
      world.heard.attempts.map(({ attempt, status }) => [attempt.responseCode, status]),
      [
        [401, 'pending'],
        [200, 'delivered'],
      ],
    );
    assert.equal(new Set(world.transport.sent.map(({ attempt }) => attempt)).size, 1);
  });

  test('two tries that fail spend one step of the schedule', async (t) => {
    const { world, webhook } = await rotated(t);
    world.transport.answering = () => answered(401);
    await world.publish();
    assert.deepEqual(world.transport.sent.map(secretOf), [SECRET, NEW]);
    const delivery = expectOne(await world.deliveriesOf(webhook));
    assert.equal(delivery.attemptCount, 1);
    await world.clock.advance(DAY_MS / 2);
    assert.deepEqual(
      world.transport.sent.map(({ attempt }) => attempt),
      [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6],
    );
    const { attempts } = (await world.store.getDelivery(delivery.accountId, delivery.id)) ?? {};
    assert.equal(attempts?.length, 12);
  });

  test('both tries have one deadline', async (t) => {
    const { world, webhook } = await rotated(t);
    world.transport.answering = () => 'nothing';
    await world.publish();
    await world.clock.advance(10_000);
    await answerOne(world, answered(401));
    await world.clock.advance(ATTEMPT_TIMEOUT_MS - 10_000 - 1);
    assert.equal(world.transport.open().length, 1);
    await world.clock.advance(1);
    assert.equal(world.transport.open().length, 0);
    assert.equal(expectOne(await world.deliveriesOf(webhook)).lastAttempt?.failure, 'timeout');
  });

  test('both tries together are one exchange of the window', async (t) => {
    const { world } = await rotated(t);
    world.transport.answering = () => 'nothing';
    await world.publish(20);
    assert.equal(world.transport.open().length, 8);
    for (const sent of world.transport.open()) sent.answer(answered(401));
    await settled();
    assert.equal(world.transport.open().length, 8);
    assert.deepEqual(new Set(world.transport.open().map(secretOf)), new Set([NEW]));
  });

  test('a receiver that has shown that it knows the new one gets it first from then on', async (t) => {
    const { world, webhook } = await rotated(t);
    world.transport.answering = knowing(NEW);
    const eventIds = await world.publish();
    eventIds.push(...(await world.publish(3)));
    assert.deepEqual(world.transport.sent.map(secretOf), [SECRET, NEW, NEW, NEW, NEW]);
    assert.equal((await stored(world, webhook))?.rotation?.prefersNew, true);
  });

  test('what it has shown is stored, and holds over a restart', async (t) => {
    const { world } = await rotated(t);
    world.transport.answering = knowing(NEW);
    await world.publish();
    await world.restart();
    await world.publish();
    assert.equal(secretOf(world.transport.sent[2] ?? assert.fail()), NEW);
  });

  test('what it has shown holds here also when it cannot be stored', async (t) => {
    const { world } = await rotated(t);
    failing(world, 'preferNewSecret', 1);
    world.transport.answering = knowing(NEW);
    await world.publish();
    await world.publish();
    assert.deepEqual(world.transport.sent.map(secretOf), [SECRET, NEW, NEW]);
  });

  test('one that goes by the old one all the time has it preferred all the time', async (t) => {
    const { world, webhook } = await rotated(t);
    world.transport.answering = knowing(SECRET);
    await world.publish(5);
    assert.deepEqual(new Set(world.transport.sent.map(secretOf)), new Set([SECRET]));
    assert.equal((await stored(world, webhook))?.rotation?.prefersNew, false);
  });

  test('one that forgets the new one is tried with the old one, and the preference stays', async (t) => {
    const { world, webhook } = await rotated(t);
    world.transport.answering = knowing(NEW);
    await world.publish();
    world.transport.answering = knowing(SECRET);
    await world.publish();
    assert.deepEqual(world.transport.sent.slice(2).map(secretOf), [NEW, SECRET]);
    assert.equal((await stored(world, webhook))?.rotation?.prefersNew, true);
    const delivered = await world.deliveriesOf(webhook);
    assert.deepEqual(new Set(delivered.map(({ status }) => status)), new Set(['delivered']));
  });

  test('another rotation keeps the one that receivers go by', async (t) => {
    const { world, webhook } = await rotated(t);
    world.transport.answering = knowing(SECRET);
    await world.publish();
    await world.rotate(webhook, 'a_third_webhook_secret');
    await world.publish();
    const sent = world.transport.sent.at(-1) ?? assert.fail();
    assert.equal(sent.header('x-webhook-signature'), legacy(sent, SECRET));
    const third = standard(sent, 'a_third_webhook_secret');
    assert.equal(sent.header('webhook-signature'), `${third} ${standard(sent, SECRET)}`);
  });

  test('another rotation behind a preferred new one keeps that one', async (t) => {
    const { world, webhook } = await rotated(t);
    world.transport.answering = knowing(NEW);
    await world.publish();
    await world.rotate(webhook, 'a_third_webhook_secret');
    await world.publish();
    const sent = world.transport.sent.at(-1) ?? assert.fail();
    assert.equal(sent.header('x-webhook-signature'), legacy(sent, NEW));
  });

  test('nothing is lost and nothing is sent twice when a receiver changes over in the middle', async (t) => {
    const { world, webhook } = await rotated(t);
    const taken: string[] = [];
    let knows = SECRET;
    world.transport.answering = (sent) => {
      if (secretOf(sent) !== knows) return answered(401);
      taken.push(sent.eventId);
      return OK;
    };
    const eventIds = await world.publish(30);
    knows = NEW;
    eventIds.push(...(await world.publish(30)));
    assert.deepEqual(taken, eventIds);
    const statuses = (await world.deliveriesOf(webhook)).map(({ status }) => status);
    assert.deepEqual(new Set(statuses), new Set(['delivered']));
  });
});

describe('there is no second try', () => {
  test('without a rotation', async (t) => {
    const world = await openWorld(t);
    await world.webhook();
    world.transport.answering = () => answered(401);
    await world.publish();
    assert.equal(world.transport.sent.length, 1);
  });

  test('when the overlap has ended meanwhile', async (t) => {
    const { world } = await rotated(t, 5_000);
    world.transport.answering = () => 'nothing';
    await world.publish();
    await world.clock.advance(5_000);
    await answerOne(world, answered(401));
    assert.equal(world.transport.sent.length, 1);
  });

  test('when the webhook was paused meanwhile', async (t) => {
    const { world, webhook } = await rotated(t);
    world.transport.answering = () => 'nothing';
    await world.publish();
    await world.change(webhook, 'paused');
    await answerOne(world, answered(401));
    assert.equal(world.transport.sent.length, 1);
  });

  test('when the secret was changed again meanwhile', async (t) => {
    const { world, webhook } = await rotated(t);
    world.transport.answering = () => 'nothing';
    await world.publish();
    await world.rotate(webhook, 'a_third_webhook_secret');
    await answerOne(world, answered(401));
    assert.equal(world.transport.sent.length, 1);
  });

  test('when the delivery was cancelled meanwhile', async (t) => {
    const { world, webhook } = await rotated(t);
    world.transport.answering = () => 'nothing';
    await world.publish();
    const { accountId, id: deliveryId } = expectOne(await world.deliveriesOf(webhook));
    await world.store.cancelDelivery({ accountId, deliveryId, reason: 'requested' });
    await world.engine.deliveryCancelled(refOf(webhook), deliveryId);
    await answerOne(world, answered(401));
    assert.equal(world.transport.sent.length, 1);
  });

  test('when Posthorn is about to stop', async (t) => {
    const { world } = await rotated(t);
    world.transport.answering = () => 'nothing';
    await world.publish();
    const drained = world.engine.drain(5_000);
    await answerOne(world, answered(401));
    assert.deepEqual(await drained, { abandoned: 0, unsettled: 0 });
    assert.equal(world.transport.sent.length, 1);
  });
});

test('when the overlap ends, only the new secret is left', async (t) => {
  const { world } = await rotated(t, 60_000);
  await world.publish();
  await world.clock.advance(60_000);
  world.transport.answering = () => answered(403);
  await world.publish();
  const sent = expectOne(world.transport.sent.slice(1));
  assert.equal(sent.header('webhook-signature'), standard(sent, NEW));
  assert.equal(sent.header('x-webhook-signature'), legacy(sent, NEW));
});

test('a rotation without an overlap leaves only the new secret', async (t) => {
  const { world } = await rotated(t, 0);
  await world.publish();
  const sent = expectOne(world.transport.sent);
  assert.equal(sent.header('webhook-signature'), standard(sent, NEW));
});

test('what waits is signed with what is in force when it is sent', async (t) => {
  const world = await openWorld(t);
  const webhook = await world.webhook();
  await world.change(webhook, 'paused');
  const eventIds = await world.publish(3);
  await world.rotate(webhook, NEW);
  world.transport.answering = knowing(SECRET);
  await world.change(webhook, 'active');
  assertSentOnce(world.transport, eventIds);
});

test('a crash between the tries repeats the attempt, and loses nothing', async (t) => {
  const { world, webhook } = await rotated(t);
  world.transport.answering = knowing(NEW);
  keepBefore(world, 'settle');
  await world.publish();
  world.faults.before = () => {};
  await world.restart();
  const delivery = expectOne(await world.deliveriesOf(webhook));
  assert.deepEqual([delivery.status, delivery.attemptCount], ['delivered', 1]);
});

/** A webhook whose secret was changed, its lane awake. */
async function rotated(
  t: TestContext,
  overlapMs = DAY_MS,
): Promise<{ world: World; webhook: Webhook }> {
  const world = await openWorld(t);
  const webhook = await world.webhook();
  await world.rotate(webhook, NEW, overlapMs);
  return { world, webhook };
}

/** A receiver that verifies the legacy header with this secret. */
function knowing(secret: string, otherwise = 401) {
  return (sent: Sent) => (secretOf(sent) === secret ? OK : answered(otherwise));
}

/** Which secret the legacy header of a request was made with. */
function secretOf(sent: Sent): string {
  const secret = [SECRET, NEW].find(
    (one) => sent.header('x-webhook-signature') === legacy(sent, one),
  );
  assert.ok(secret !== undefined, 'it is one of the two');
  return secret;
}

function legacy({ body }: Sent, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

function standard({ body, eventId, header }: Sent, secret: string): string {
  const signed = `${eventId}.${header('webhook-timestamp')}.${body}`;
  return `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`;
}

async function stored(world: World, webhook: Webhook): Promise<Webhook | null> {
  return await world.store.getWebhook(webhook.accountId, webhook.id);
}
