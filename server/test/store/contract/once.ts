import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BEGIN, openWorld } from './fixtures.ts';
import type { StoreUnderTest } from './store-under-test.ts';

const BEGUN = { key: 'key-1', fingerprint: 'digest', createdAt: BEGIN, expiresAt: BEGIN + 1_000 };
const ANSWER = { ...BEGUN, status: 200, body: '{"status":"delivered"}', sealed: true };

export function onceContract(under: StoreUnderTest): void {
  describe('a call with I/O of its own that happens once', () => {
    test('while it is in progress the same key is told so, then it gets the answer', async (t) => {
      const { store, mine } = await openWorld(t, under);
      assert.deepEqual(await store.beginOnce(mine.id, BEGUN), { result: 'begun' });
      const inProgress = { fingerprint: 'digest', status: null, body: '', sealed: false };
      assert.deepEqual(await store.beginOnce(mine.id, BEGUN), { earlier: inProgress });
      await store.completeOnce(mine.id, ANSWER);
      const { fingerprint, status, body, sealed } = ANSWER;
      const earlier = { fingerprint, status, body, sealed };
      assert.deepEqual(await store.beginOnce(mine.id, BEGUN), { earlier });
    });

    test('a call that was abandoned can be made again; one that was answered stays answered', async (t) => {
      const { store, mine } = await openWorld(t, under);
      await store.beginOnce(mine.id, BEGUN);
      await store.abandonOnce(mine.id, BEGUN.key);
      assert.deepEqual(await store.beginOnce(mine.id, BEGUN), { result: 'begun' });
      await store.completeOnce(mine.id, ANSWER);
      await store.abandonOnce(mine.id, BEGUN.key);
      assert.ok('earlier' in (await store.beginOnce(mine.id, BEGUN)));
    });

    test('the key of another account is another key', async (t) => {
      const { store, mine, theirs } = await openWorld(t, under);
      await store.beginOnce(mine.id, BEGUN);
      assert.deepEqual(await store.beginOnce(theirs.id, BEGUN), { result: 'begun' });
      await store.completeOnce(theirs.id, ANSWER);
      const said = await store.beginOnce(mine.id, BEGUN);
      assert.equal('earlier' in said ? said.earlier.status : undefined, null);
      await store.abandonOnce(theirs.id, BEGUN.key);
      assert.ok('earlier' in (await store.beginOnce(mine.id, BEGUN)));
    });

    test('records are forgotten when they have expired, so many at a time', async (t) => {
      const { store, mine } = await openWorld(t, under);
      for (const key of ['a', 'b', 'c']) await store.beginOnce(mine.id, { ...BEGUN, key });
      assert.equal(await store.forgetExpired(BEGUN.expiresAt - 1, 10), 0);
      assert.equal(await store.forgetExpired(BEGUN.expiresAt, 2), 2);
      assert.equal(await store.forgetExpired(BEGUN.expiresAt, 2), 1);
      assert.deepEqual(await store.beginOnce(mine.id, { ...BEGUN, key: 'a' }), { result: 'begun' });
    });
  });
}
