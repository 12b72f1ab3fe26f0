import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DueDelivery, OnceRecord } from '../../../src/core/ports.ts';
import { BEGIN, idsOf, openWorld, resultOf } from './fixtures.ts';
import type { StoreUnderTest } from './store-under-test.ts';

export function publishContract(under: StoreUnderTest): void {
  describe('publish', () => {
    test('an event is stored byte for byte', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const body = '{"a":"é€🪝\\u0000\\\\","b":[1e21,0.1],"c":"\u2028\u0001"}';
      const [event] = await mine.publish({ body, type: 'user.updated' });
      assert.ok(event);
      const { deliveries, ...stored } = event;
      assert.deepEqual(deliveries, []);
      assert.deepEqual(await store.getEvent(mine.id, event.id), stored);
    });

    test('each delivery of an event is pending, and due since it was accepted', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const webhook = await mine.webhook();
      const { id, event } = await mine.pending(webhook, { createdAt: BEGIN });
      const found = await store.getDelivery(mine.id, id);
      assert.deepEqual(found, {
        delivery: {
          accountId: mine.id,
          id,
          webhookId: webhook.id,
          eventId: event.id,
          eventType: 'user.created',
          trigger: 'schedule',
          status: 'pending',
          createdAt: BEGIN,
          dueAt: BEGIN,
          cancelReason: null,
          attemptCount: 0,
          lastAttempt: null,
        },
        attempts: [],
      });
    });

    test('what is handed over is exactly what was made pending', async (t) => {
      const { store, mine, theirs, handedOver } = await openWorld(t, under);
      const [first, second] = [await mine.webhook(), await mine.webhook({ status: 'paused' })];
      await theirs.webhook();
      const events = await mine.publish({}, { type: 'user.deleted', body: '{"x":"🪝"}' });
      const pending: DueDelivery[] = [];
      for (const webhook of [first, second]) {
        pending.push(...(await mine.due(webhook)).deliveries);
      }
      assert.equal(pending.length, 4);
      assert.deepEqual(handedOver.flat(), pending.toSorted(bySeq));
      assert.deepEqual(
        handedOver.flat().map(({ event }) => event),
        events.flatMap(({ id, type, body }) => [
          { id, type, body },
          { id, type, body },
        ]),
      );
      assert.deepEqual((await store.listDeliveries(theirs.id, {}, { limit: 10 })).items, []);
    });

    test('the deliveries of an event that are handed over together share it', async (t) => {
      const { mine, handedOver } = await openWorld(t, under);
      for (let count = 0; count < 3; count++) await mine.webhook();
      await mine.publish({}, {});
      assert.equal(handedOver.flat().length, 6);
      assert.equal(new Set(handedOver.flat().map(({ event }) => event)).size, 2);
    });

    test('the order of acceptance is the order of the events in the call, then of the calls', async (t) => {
      const { mine, handedOver } = await openWorld(t, under);
      await mine.webhook();
      const [first, second] = await mine.publish({}, {});
      const [third] = await mine.publish({});
      const delivered = handedOver.flat().toSorted(bySeq);
      assert.deepEqual(
        delivered.map(({ event }) => event.id),
        [first, second, third].map((event) => event?.id),
      );
    });

    test('an event that nobody subscribed to is accepted, and nothing is handed over', async (t) => {
      const { store, mine, handedOver } = await openWorld(t, under);
      await mine.webhook({ events: ['team.*'] });
      const [event] = await mine.publish({});
      assert.ok(await store.getEvent(mine.id, event?.id ?? ''));
      assert.deepEqual(handedOver, []);
    });

    for (const difference of [-1, 1]) {
      const which = difference < 0 ? 'an older' : 'a newer';
      test(`a publish that was matched against ${which} version is stale: nothing is stored`, async (t) => {
        const { store, mine, handedOver } = await openWorld(t, under);
        await mine.webhook();
        const events = await mine.newEvents({});
        const webhooksVersion = (events.webhooksVersion ?? 0) + difference;
        assert.deepEqual(await store.publish({ ...events, webhooksVersion }), { result: 'stale' });
        assert.deepEqual((await store.listEvents(mine.id, {}, { limit: 10 })).items, []);
        assert.deepEqual((await store.listDeliveries(mine.id, {}, { limit: 10 })).items, []);
        assert.deepEqual(handedOver, []);
        assert.deepEqual(await store.publish(events), { result: 'accepted' });
      });
    }

    test('a change of another account makes no publish stale', async (t) => {
      const { store, mine, theirs } = await openWorld(t, under);
      const events = await mine.newEvents({});
      await theirs.webhook();
      assert.deepEqual(await store.publish(events), { result: 'accepted' });
    });

    test('one bad event of a batch takes back the whole batch, and nothing else', async (t) => {
      const { store, mine, handedOver } = await openWorld(t, under);
      await mine.webhook();
      const [known] = await mine.publish({});
      const bad = await mine.newEvents({}, { id: known?.id ?? '' }, {});
      const [before, after] = [await mine.newEvents({}), await mine.newEvents({})];
      handedOver.length = 0;
      const calls = [before, bad, after].map((events) => store.publish(events));
      const statuses = (await Promise.allSettled(calls)).map(({ status }) => status);
      assert.deepEqual(statuses, ['fulfilled', 'rejected', 'fulfilled']);
      const kept = [...before.events, ...after.events].map(({ id }) => id);
      const stored = idsOf((await store.listEvents(mine.id, {}, { limit: 10 })).items);
      assert.deepEqual(new Set(stored), new Set([known?.id, ...kept]));
      assert.deepEqual(
        handedOver.flat().map(({ event }) => event.id),
        kept,
      );
    });

    test('two accounts may have events of the same id', async (t) => {
      const { store, mine, theirs } = await openWorld(t, under);
      const [event] = await mine.publish({ body: '{"mine":true}' });
      const id = event?.id ?? '';
      assert.equal(await store.getEvent(theirs.id, id), null);
      await theirs.publish({ id, body: '{"mine":false}' });
      assert.equal((await store.getEvent(mine.id, id))?.body, '{"mine":true}');
      assert.equal((await store.getEvent(theirs.id, id))?.body, '{"mine":false}');
    });
  });

  describe('publish matched by the store', () => {
    const cases: [events: string[], type: string, gets: boolean][] = [
      [['*'], 'user.created', true],
      [['user.created'], 'user.created', true],
      [['user.created'], 'user.created.again', false],
      [['user.*'], 'user.created', true],
      [['team.*'], 'team.member.added', true],
      [['user.*'], 'users.created', false],
      [['team.created', 'user.created'], 'user.created', true],
      [['user.created', 'user.*', '*'], 'user.created', true],
    ];
    for (const [events, type, gets] of cases) {
      const verb = gets ? 'gets one delivery of' : 'does not get';
      test(`a webhook for ${events.join(' and ')} ${verb} ${type}`, async (t) => {
        const { store, mine, handedOver } = await openWorld(t, under);
        const { id } = await mine.webhook({ events });
        const wanted = await mine.newEvents({ type });
        const unmatched = wanted.events.map((event) => ({ ...event, deliveries: [] }));
        const said = await store.publish({ ...wanted, events: unmatched, webhooksVersion: null });
        assert.equal(resultOf(said), 'accepted');
        const webhookIds = handedOver.flat().map(({ webhookId }) => webhookId);
        assert.deepEqual(webhookIds, gets ? [id] : []);
        const { items } = await store.listDeliveries(mine.id, {}, { limit: 10 });
        assert.deepEqual(idsOf(items), idsOf(handedOver.flat()));
      });
    }

    test('paused webhooks get it; disabled, deleted and foreign ones do not', async (t) => {
      const { store, mine, theirs, handedOver, tick } = await openWorld(t, under);
      const paused = await mine.webhook({ status: 'paused' });
      await mine.webhook({ status: 'disabled', disabledReason: 'owner' });
      const { id } = await mine.webhook();
      await store.deleteWebhook(mine.id, id, tick());
      await theirs.webhook();
      const { accountId, events } = await mine.newEvents({});
      const unmatched = events.map((event) => ({ ...event, deliveries: [] }));
      await store.publish({ accountId, events: unmatched, webhooksVersion: null });
      const webhookIds = handedOver.flat().map(({ webhookId }) => webhookId);
      assert.deepEqual(webhookIds, [paused.id]);
    });
  });

  describe('publish with an idempotency key', () => {
    test('the same key publishes once, and the second call is told what the first answered', async (t) => {
      const { store, mine, handedOver } = await openWorld(t, under);
      await mine.webhook();
      const [first, second] = [await mine.newEvents({}), await mine.newEvents({})];
      const once = onceOf({ body: '{"id":"evt_first"}' });
      assert.deepEqual(await store.publish({ ...first, once }), { result: 'accepted' });
      const { fingerprint, status, body, sealed } = once;
      const earlier = { fingerprint, status, body, sealed };
      const again = { ...once, fingerprint: 'another', body: '{"id":"evt_second"}' };
      assert.deepEqual(await store.publish({ ...second, once: again }), { earlier });
      assert.equal((await store.listEvents(mine.id, {}, { limit: 10 })).items.length, 1);
      assert.equal(handedOver.flat().length, 1);
    });

    test('of two calls at the same time one publishes', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const wanted = [await mine.newEvents({}), await mine.newEvents({})];
      const said = await Promise.all(
        wanted.map((events) => store.publish({ ...events, once: onceOf({}) })),
      );
      assert.deepEqual(
        said.map((one) => 'result' in one),
        [true, false],
      );
      assert.equal((await store.listEvents(mine.id, {}, { limit: 10 })).items.length, 1);
    });

    test('the key of another account is another key', async (t) => {
      const { store, mine, theirs } = await openWorld(t, under);
      for (const account of [mine, theirs]) {
        const events = await account.newEvents({});
        assert.deepEqual(await store.publish({ ...events, once: onceOf({}) }), {
          result: 'accepted',
        });
      }
    });

    test('a key may be used again when its time is over, not a millisecond earlier', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const { expiresAt } = onceOf({});
      const publishAt = async (createdAt: number) => {
        const once = onceOf({ createdAt, expiresAt: createdAt + 1_000 });
        return 'result' in (await store.publish({ ...(await mine.newEvents({})), once }));
      };
      assert.deepEqual(
        [await publishAt(BEGIN), await publishAt(expiresAt - 1), await publishAt(expiresAt)],
        [true, false, true],
      );
    });

    test('a publish that was stale has not used the key', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const events = { ...(await mine.newEvents({})), once: onceOf({}) };
      assert.deepEqual(await store.publish({ ...events, webhooksVersion: 99 }), {
        result: 'stale',
      });
      assert.deepEqual(await store.publish(events), { result: 'accepted' });
    });

    test('a publish that failed has not used the key', async (t) => {
      const { store, mine } = await openWorld(t, under);
      const [known] = await mine.publish({});
      const bad = await mine.newEvents({}, { id: known?.id ?? '' });
      await assert.rejects(store.publish({ ...bad, once: onceOf({}) }));
      const good = await mine.newEvents({});
      assert.deepEqual(await store.publish({ ...good, once: onceOf({}) }), { result: 'accepted' });
    });
  });
}

function onceOf(fields: Partial<OnceRecord>): OnceRecord {
  return {
    key: 'key-1',
    fingerprint: 'digest',
    status: 202,
    body: '{}',
    sealed: false,
    createdAt: BEGIN,
    expiresAt: BEGIN + 1_000,
    ...fields,
  };
}

function bySeq(a: DueDelivery, b: DueDelivery): number {
  return a.seq - b.seq;
}
