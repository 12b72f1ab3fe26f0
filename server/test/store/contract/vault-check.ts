import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openWorld } from './fixtures.ts';
import type { StoreUnderTest } from './store-under-test.ts';

export function vaultCheckContract(under: StoreUnderTest): void {
  describe('the vault check', () => {
    test('the first sealed text is kept, and answered to everybody who brings another', async (t) => {
      const { store } = await openWorld(t, under);
      assert.equal(await store.vaultCheck('first'), 'first');
      assert.equal(await store.vaultCheck('second'), 'first');
    });
  });
}
