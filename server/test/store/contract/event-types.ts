import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bareType, NO_LIMIT, openWorld } from './fixtures.ts';
import type { StoreUnderTest } from './store-under-test.ts';

const DOCUMENTED = [
  'project.created',
  'project.deleted',
  'project.updated',
  'team.member.added',
  'team.member.removed',
  'team.member.role_changed',
  'user.created',
  'user.deleted',
  'user.updated',
];

export function eventTypesContract(under: StoreUnderTest): void {
  describe('event types', () => {
    test('a fresh store knows the nine documented event types', async (t) => {
      const { store } = await openWorld(t, under);
      assert.deepEqual((await store.eventTypeNames()).sort(), DOCUMENTED);
      const { items, hasMore } = await store.listEventTypes({ limit: 100 });
      assert.equal(hasMore, false);
      assert.ok(items.every(({ description }) => description !== ''));
      for (const { name, description } of items) {
        assert.deepEqual(await store.getEventType(name), bareType(name, description));
      }
    });

    test('event types are listed by name, page by page', async (t) => {
      const { store } = await openWorld(t, under);
      const first = await store.listEventTypes({ limit: 4 });
      const second = await store.listEventTypes({ limit: 5, after: 'team.member.added' });
      const names = [...first.items, ...second.items].map(({ name }) => name);
      assert.deepEqual(names, DOCUMENTED);
      assert.equal(first.hasMore, true);
      assert.equal(second.hasMore, false, 'a page that is exactly full is the last one');
    });

    test('an event type is created, then updated', async (t) => {
      const { store } = await openWorld(t, under);
      const put = (description: string) =>
        store.putEventType(bareType('invoice.paid', description), { max: NO_LIMIT });
      assert.equal(await put('An invoice was paid'), 'created');
      assert.equal(await put('Money came'), 'updated');
      assert.equal((await store.getEventType('invoice.paid'))?.description, 'Money came');
    });

    test('an event type keeps its schema and its example as they were put, and loses what a put leaves out', async (t) => {
      const { store } = await openWorld(t, under);
      const bare = bareType('invoice.paid', 'An invoice was paid');
      const schema = `{"type":"object","title":"${'🪝\\u0000'.repeat(5_000)}"}`;
      const whole = { ...bare, schema, example: '{"10":1,"9":"ä"}' };
      for (const type of [whole, { ...whole, schema: null }, { ...whole, example: null }, bare]) {
        await store.putEventType(type, { max: NO_LIMIT });
        assert.deepEqual(await store.getEventType(type.name), type);
        const { items } = await store.listEventTypes({ limit: 1, after: 'invoice' });
        assert.deepEqual(items, [type]);
      }
    });

    test('an event type that is not there is null', async (t) => {
      const { store } = await openWorld(t, under);
      assert.equal(await store.getEventType('user'), null);
    });

    test('the catalogue takes as many event types as it may have, and not one more', async (t) => {
      const { store } = await openWorld(t, under);
      const max = DOCUMENTED.length + 1;
      const put = (name: string) => store.putEventType(bareType(name), { max });
      assert.equal(await put('a.first'), 'created');
      assert.equal(await put('a.second'), 'too_many');
      assert.equal(await put('a.first'), 'updated', 'a full catalogue can still be changed');
      assert.equal(await store.getEventType('a.second'), null);
    });

    test('an event type is deleted once', async (t) => {
      const { store } = await openWorld(t, under);
      assert.equal(await store.deleteEventType('user.created'), 'deleted');
      assert.equal(await store.deleteEventType('user.created'), 'missing');
      assert.ok(!(await store.eventTypeNames()).includes('user.created'));
    });
  });
}
