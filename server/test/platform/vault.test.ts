import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createVault, ENCRYPTION_KEY_BYTES } from '../../src/platform/vault.ts';

const KEY = new Uint8Array(ENCRYPTION_KEY_BYTES).fill(7);
const PLACE = 'acc_1/webhooks/wh_1/secret';
const vault = createVault(KEY);

describe('what is sealed is opened', () => {
  for (const plain of ['', 'x', 'your_webhook_secret', 'Grüße 🪝', 'x'.repeat(100_000)]) {
    test(`when it has ${plain.length} characters`, () => {
      const sealed = vault.seal(plain, PLACE);
      assert.equal(vault.open(sealed, PLACE), plain);
      assert.equal(createVault(KEY).open(sealed, PLACE), plain, 'by another process too');
    });
  }
});

test('what is sealed shows nothing of it, and is another each time', () => {
  const secret = 'your_webhook_secret';
  const sealed = Array.from({ length: 100 }, () => vault.seal(secret, PLACE));
  assert.equal(new Set(sealed).size, sealed.length);
  for (const one of sealed) {
    assert.match(one, /^v1\.[0-9a-f]{8}\.[A-Za-z0-9+/]+={0,2}$/);
    const bytes = Buffer.from(one.split('.')[2] ?? '', 'base64');
    assert.ok(!bytes.includes(secret) && !one.includes(secret));
  }
});

describe('what is sealed is not opened', () => {
  const sealed = vault.seal('your_webhook_secret', PLACE);
  const [format, keyId, encoded = ''] = sealed.split('.');

  for (const place of [
    '',
    'acc_2/webhooks/wh_1/secret',
    'acc_1/webhooks/wh_2/secret',
    `${PLACE} `,
  ]) {
    test(`in another place: "${place}"`, () => assert.throws(() => vault.open(sealed, place)));
  }

  test('with another key, and the error names which key it was', () => {
    const other = createVault(new Uint8Array(ENCRYPTION_KEY_BYTES).fill(8));
    assert.throws(() => other.open(sealed, PLACE), {
      message: new RegExp(`sealed with key ${keyId}, but the key in use is [0-9a-f]{8}`),
    });
  });

  test('with another key of the same id', () => {
    const other = createVault(new Uint8Array(ENCRYPTION_KEY_BYTES).fill(8));
    const [, otherId] = other.seal('', PLACE).split('.');
    assert.throws(() => other.open([format, otherId, encoded].join('.'), PLACE));
  });

  test('when any of its bytes is another', () => {
    const bytes = Buffer.from(encoded, 'base64');
    for (let index = 0; index < bytes.length; index++) {
      const tampered = Buffer.from(bytes);
      tampered[index] = (tampered[index] ?? 0) ^ 1;
      const text = [format, keyId, tampered.toString('base64')].join('.');
      assert.throws(() => vault.open(text, PLACE), `byte ${index}`);
    }
  });

  test('when it is shorter or longer', () => {
    const bytes = Buffer.from(encoded, 'base64');
    for (let length = 0; length < bytes.length; length++) {
      const text = [format, keyId, bytes.subarray(0, length).toString('base64')].join('.');
      assert.throws(() => vault.open(text, PLACE), `${length} bytes`);
    }
    const longer = Buffer.concat([bytes, Buffer.alloc(1)]).toString('base64');
    assert.throws(() => vault.open([format, keyId, longer].join('.'), PLACE));
  });

  for (const text of [
    '',
    'v1',
    'v1.',
    `v1.${keyId}`,
    `v2.${keyId}.${encoded}`,
    'your_webhook_secret',
  ]) {
    test(`when it is "${text.slice(0, 20)}"`, () => assert.throws(() => vault.open(text, PLACE)));
  }
});

for (const bytes of [0, 16, 31, 33, 64]) {
  test(`a key of ${bytes} bytes is refused`, () => {
    assert.throws(() => createVault(new Uint8Array(bytes)), /the encryption key has 32 bytes/);
  });
}
