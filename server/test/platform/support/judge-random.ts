import assert from 'node:assert/strict';
import { createAddressPolicy } from '../../../src/platform/address-policy.ts';
import type { Seeded } from '../../core/support/seeded.ts';
import { randomAddress, verdictOf } from './address-ranges.ts';

/** Both classifiers on so many random addresses. */
export function judgeRandom(random: Seeded, count: number): void {
  const policy = createAddressPolicy([]);
  let blocked = 0;
  for (let turn = 0; turn < count; turn++) {
    const address = randomAddress(random);
    const verdict = policy.verdict(address);
    if (verdict !== verdictOf(address)) assert.fail(`${address} is ${verdict}`);
    if (verdict === 'blocked') blocked += 1;
  }
  // A table that blocks all or nothing would agree with itself.
  assert.ok(blocked > count / 20 && blocked < count - count / 20, `${blocked} of ${count}`);
}
