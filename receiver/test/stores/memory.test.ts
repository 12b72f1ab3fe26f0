import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type MemoryStoreOptions, memoryStore } from '../../src/index.ts';
import { storeContract } from './contract.ts';

storeContract('memory', () => open());

describe('memory', () => {
  test('that is full forgets what was done longest ago, and counts it', async () => {
    const { store } = open({ entriesMax: 2 });
    for (const id of ['evt_1', 'evt_2', 'evt_3']) {
      await store.claim(id, 'one', 60_000);
      await store.commit(id, 'one', 60_000);
    }
    assert.equal(store.forgotten, 1);
    assert.equal((await store.claim('evt_3', 'two', 60_000)).outcome, 'done');
    assert.equal((await store.claim('evt_2', 'two', 60_000)).outcome, 'done');
    assert.equal((await store.claim('evt_1', 'two', 60_000)).outcome, 'claimed');
  });

  test('that is full forgets what is over first, and counts that as nothing lost', async () => {
    const { store, elapse } = open({ entriesMax: 2 });
    await store.claim('evt_1', 'one', 60_000);
    await store.commit('evt_2', 'one', 60_000);
    elapse(60_000);
    assert.equal((await store.claim('evt_3', 'one', 60_000)).outcome, 'claimed');
    assert.equal(store.forgotten, 0);
  });

  test('that is full of claims takes no more until one of them ends', async () => {
    const { store } = open({ entriesMax: 2 });
    await store.claim('evt_1', 'one', 60_000);
    await store.claim('evt_2', 'one', 60_000);
    assert.equal((await store.claim('evt_3', 'one', 60_000)).outcome, 'busy');
    await store.release('evt_1', 'one');
    assert.equal((await store.claim('evt_3', 'one', 60_000)).outcome, 'claimed');
    assert.equal(store.forgotten, 0);
  });
});

function open(options: MemoryStoreOptions = {}) {
  let nowMs = 1_701_444_600_000;
  const store = memoryStore({ ...options, now: () => nowMs });
  return {
    store,
    elapse(ms: number) {
      nowMs += ms;
    },
  };
}
