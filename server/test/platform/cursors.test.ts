import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createCursors } from '../../src/platform/cursors.ts';
import { seeded } from '../core/support/seeded.ts';

const KEY = new Uint8Array(32).fill(7);
const POSITION = 'del_0123456789abcdefghijklmn';
const LIST = 'acc_1 /v1/webhooks/wh_1/deliveries?status=failed';
const cursors = createCursors(KEY);

describe('a cursor', () => {
  for (const position of ['x', POSITION, 'Grüße 🪝', '{"a":["b"]}', 'x'.repeat(1_000)]) {
    test(`leads back to ${position.length > 40 ? 'a long position' : position}`, () => {
      const cursor = cursors.write(position, LIST);
      assert.equal(cursors.read(cursor, LIST), position);
      assert.equal(createCursors(KEY).read(cursor, LIST), position, 'at another process too');
      assert.match(cursor, /^[A-Za-z0-9_-]+$/, 'it can stand in a URL as it is');
    });
  }

  const others = [
    '',
    'acc_2 /v1/webhooks/wh_1/deliveries?status=failed',
    'acc_1 /v1/webhooks/wh_2/deliveries?status=failed',
    'acc_1 /v1/webhooks/wh_1/deliveries?status=pending',
    'acc_1 /v1/webhooks/wh_1/deliveries',
    `${LIST} `,
  ];
  for (const list of others) {
    test(`is good for its own list only, not for "${list}"`, () => {
      assert.equal(cursors.read(cursors.write(POSITION, LIST), list), null);
    });
  }

  test('of another installation is not read', () => {
    const other = createCursors(new Uint8Array(32).fill(8));
    assert.equal(cursors.read(other.write(POSITION, LIST), LIST), null);
  });

  test('that is cut off anywhere is not read', () => {
    const cursor = cursors.write(POSITION, LIST);
    for (let length = 0; length < cursor.length; length++) {
      assert.equal(cursors.read(cursor.slice(0, length), LIST), null, `${length} characters`);
    }
  });

  test('with any bit changed is not read', () => {
    const bytes = Buffer.from(cursors.write(POSITION, LIST), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      const index = bit >> 3;
      changed[index] = (changed[index] ?? 0) ^ (1 << (bit & 7));
      assert.equal(cursors.read(changed.toString('base64url'), LIST), null, `bit ${bit}`);
    }
  });

  test('with bytes added is not read', () => {
    const bytes = Buffer.from(cursors.write(POSITION, LIST), 'base64url');
    const longer = Buffer.concat([bytes, Buffer.from('x')]).toString('base64url');
    assert.equal(cursors.read(longer, LIST), null);
  });

  test('that somebody made up is not read', (t) => {
    const random = seeded(t);
    for (let turn = 0; turn < 1_000; turn++) {
      const made = Buffer.from(random.bytes(random.below(60))).toString('base64url');
      assert.equal(cursors.read(made, LIST), null, made);
    }
    for (const made of ['', POSITION, 'null', '%00', '🪝', ' '.repeat(40)]) {
      assert.equal(cursors.read(made, LIST), null, made);
    }
  });
});
