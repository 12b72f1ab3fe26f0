import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { descriptorLimit, limitIn, socketShares } from '../../src/platform/descriptors.ts';
import { lookUpSlots } from '../../src/platform/look-ups.ts';

const HEAD = 'Limit                     Soft Limit           Hard Limit           Units     \n';

describe('the limit of descriptors is read from', () => {
  const cases: [text: string, limit: number | null][] = [
    [
      `${HEAD}Max open files            20000                20000                files     \n`,
      20_000,
    ],
    [
      `${HEAD}Max open files            1024                 1048576              files     \n`,
      1_024,
    ],
    [
      `${HEAD}Max open files            unlimited            unlimited            files     \n`,
      1_000_000,
    ],
    [
      `${HEAD}Max processes             63000                63000                processes \n`,
      null,
    ],
    ['', null],
  ];
  for (const [text, limit] of cases) {
    test(`${JSON.stringify(text.slice(HEAD.length).trim())}: ${limit ?? 'nothing'}`, () => {
      assert.equal(limitIn(text), limit);
    });
  }
});

test('the limit of this process is what its shell was given', () => {
  const limit = execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8' });
  assert.equal(descriptorLimit(), Number(limit));
});

describe('sockets of both sides together stay under 80 % of', () => {
  for (const limit of [16, 256, 1_024, 20_000, 1_048_576]) {
    test(`${limit} descriptors`, () => {
      const { outgoing, accepted } = socketShares(limit);
      assert.ok(outgoing + accepted <= limit * 0.8);
      assert.ok(outgoing + accepted > limit * 0.8 - 2);
    });
  }
});

describe('look-ups at once are half of the threads, rounded up:', () => {
  for (const [threads, slots] of [
    [1, 1],
    [4, 2],
    [5, 3],
    [256, 128],
  ] as const) {
    test(`${slots} of ${threads}`, () => assert.equal(lookUpSlots(threads), slots));
  }
});
