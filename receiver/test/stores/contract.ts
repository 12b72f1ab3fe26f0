// What every store has to do. Each store's own test file runs it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EventStore } from '../../src/index.ts';

export interface StoreUnderTest {
  readonly store: EventStore;
  /** Lets time pass, without waiting for it. */
  elapse(ms: number): Promise<void> | void;
}

const CLAIMED = { outcome: 'claimed' };
const DONE = { outcome: 'done' };

/** `open` gives a store in which no event is known. */
export function storeContract(
  name: string,
  open: () => Promise<StoreUnderTest> | StoreUnderTest,
): void {
  describe(`an event in ${name}`, () => {
    test('is claimed by one alone', async () => {
      const { store } = await open();
      const tokens = Array.from({ length: 20 }, (_, index) => `token-${index}`);
      const claims = await Promise.all(tokens.map((token) => store.claim('evt_1', token, 60_000)));
      const outcomes = claims.map(({ outcome }) => outcome);
      assert.equal(outcomes.filter((outcome) => outcome === 'claimed').length, 1);
      assert.equal(outcomes.filter((outcome) => outcome === 'busy').length, 19);
    });

    test('that is claimed says how long that may last', async () => {
      const { store, elapse } = await open();
      await store.claim('evt_1', 'one', 60_000);
      await elapse(20_000);
      const claim = await store.claim('evt_1', 'two', 60_000);
      assert.ok(claim.outcome === 'busy');
      assert.ok(claim.freeInMs <= 40_000 && claim.freeInMs > 30_000, `${claim.freeInMs} ms`);
    });

    test('is done after a commit, until it was kept long enough', async () => {
      const { store, elapse } = await open();
      await store.claim('evt_1', 'one', 1_000);
      await store.commit('evt_1', 'one', 60_000);
      await elapse(30_000);
      assert.deepEqual(await store.claim('evt_1', 'two', 1_000), DONE);
      await elapse(30_000);
      assert.deepEqual(await store.claim('evt_1', 'three', 1_000), CLAIMED);
    });

    test('is free after a release', async () => {
      const { store } = await open();
      await store.claim('evt_1', 'one', 60_000);
      await store.release('evt_1', 'one');
      assert.deepEqual(await store.claim('evt_1', 'two', 60_000), CLAIMED);
    });

    test('is free after its lease, and then claimed by one alone', async () => {
      const { store, elapse } = await open();
      await store.claim('evt_1', 'one', 60_000);
      await elapse(60_000);
      const claims = await Promise.all([
        store.claim('evt_1', 'two', 60_000),
        store.claim('evt_1', 'three', 60_000),
      ]);
      const outcomes = claims.map(({ outcome }) => outcome).toSorted();
      assert.deepEqual(outcomes, ['busy', 'claimed']);
    });

    test('is not released by somebody whose claim is over', async () => {
      const { store, elapse } = await open();
      await store.claim('evt_1', 'one', 60_000);
      await elapse(60_000);
      await store.claim('evt_1', 'two', 60_000);
      await store.release('evt_1', 'one');
      assert.equal((await store.claim('evt_1', 'three', 60_000)).outcome, 'busy');
    });

    test('is not released once it is done', async () => {
      const { store } = await open();
      await store.claim('evt_1', 'one', 60_000);
      await store.commit('evt_1', 'one', 60_000);
      await store.release('evt_1', 'one');
      assert.deepEqual(await store.claim('evt_1', 'two', 60_000), DONE);
    });

    test('is done when it was handled, even by somebody whose claim is over', async () => {
      const { store, elapse } = await open();
      await store.claim('evt_1', 'one', 60_000);
      await elapse(60_000);
      await store.claim('evt_1', 'two', 60_000);
      await store.commit('evt_1', 'one', 60_000);
      await store.release('evt_1', 'two');
      assert.deepEqual(await store.claim('evt_1', 'three', 60_000), DONE);
    });

    test('is another than one with another id', async () => {
      const { store } = await open();
      await store.claim('evt_1', 'one', 60_000);
      assert.deepEqual(await store.claim('evt_10', 'two', 60_000), CLAIMED);
      assert.deepEqual(await store.claim('EVT_1', 'three', 60_000), CLAIMED);
    });
  });
}
