// The HMAC that is put together of two hashes, beside Node's own.
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { keyedHmac } from '../src/hmac.ts';

/** RFC 4231, test cases 1 to 4 and 6: key and data in hex, then HMAC-SHA-256. */
const VECTORS: readonly [key: string, data: string, digest: string][] = [
  [
    '0b'.repeat(20),
    '4869205468657265',
    'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  ],
  [
    '4a656665',
    '7768617420646f2079612077616e7420666f72206e6f7468696e673f',
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [
    'aa'.repeat(20),
    'dd'.repeat(50),
    '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
  ],
  [
    '0102030405060708090a0b0c0d0e0f10111213141516171819',
    'cd'.repeat(50),
    '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
  ],
  [
    'aa'.repeat(131),
    '54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374',
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
];

describe('a digest', () => {
  for (const [key, data, digest] of VECTORS) {
    test(`is that of RFC 4231 for a key of ${key.length / 2} bytes`, () => {
      const content = [Buffer.from(data, 'hex')];
      assert.equal(keyedHmac(Buffer.from(key, 'hex'))(content, 'hex'), digest);
    });
  }

  test('is that of node:crypto for keys and contents of any length', () => {
    for (const keyBytes of [1, 16, 24, 32, 63, 64, 65, 256]) {
      const bytes = randomBytes(keyBytes);
      const key = keyedHmac(bytes);
      for (const length of [0, 1, 55, 56, 63, 64, 65, 1_999, 2_000, 2_001, 100_000]) {
        const content = randomBytes(length);
        const expected = createHmac('sha256', bytes).update(content);
        const seed = `key ${bytes.toString('hex')}, content of ${length} bytes`;
        assert.equal(key([content], 'base64'), expected.digest('base64'), seed);
      }
    }
  });

  test('is that of node:crypto for text of one to four bytes a character', () => {
    const bytes = randomBytes(32);
    const key = keyedHmac(bytes);
    for (const character of ['x', 'é', '東', '🦊']) {
      for (const times of [1, 500, 999, 1_000, 1_990, 2_000, 2_001]) {
        const text = character.repeat(times);
        const expected = createHmac('sha256', bytes).update('evt_1.1.').update(text).digest('hex');
        assert.equal(key(['evt_1.1.', text], 'hex'), expected, `${times} ${character}`);
      }
    }
  });

  test('does not depend on what was digested before', () => {
    const key = keyedHmac(Buffer.from('your_webhook_secret'));
    const first = key(['short'], 'hex');
    assert.notEqual(key(['something longer than that'], 'hex'), first);
    assert.equal(key(['short'], 'hex'), first);
  });
});
