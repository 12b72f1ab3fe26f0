import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { describe, test } from 'node:test';
import { legacySignature, secretKeys, standardSignature } from '../src/index.ts';
import { hmacSync } from '../src/node.ts';
import { hmacAsync } from '../src/sender.ts';
import { documented, hmacVectors } from './vectors.ts';

for (const vector of hmacVectors) {
  describe(vector.name, () => {
    const { id, timestamp, body } = vector;
    const keys = secretKeys(vector.secret);
    const bytes = new TextEncoder().encode(body);

    test('the vector says how many bytes its body has', () => {
      assert.equal(bytes.length, vector.body_bytes);
    });

    test('an event is its own text when parsed and printed again', () => {
      if (vector.is_event) assert.equal(JSON.stringify(JSON.parse(body)), body);
    });

    test('a synchronous HMAC gives both signatures at once', () => {
      const legacy: string = legacySignature(hmacSync, keys.legacy, body);
      const standard: string = standardSignature(hmacSync, keys.standard, id, timestamp, body);
      assert.equal(legacy, vector.legacy_signature);
      assert.equal(standard, vector.standard_signature);
    });

    test('a body in bytes is signed like its text', async () => {
      const { legacy, standard } = keys;
      assert.equal(legacySignature(hmacSync, legacy, bytes), vector.legacy_signature);
      assert.equal(await legacySignature(hmacAsync, legacy, bytes), vector.legacy_signature);
      const sync = standardSignature(hmacSync, standard, id, timestamp, bytes);
      const async = await standardSignature(hmacAsync, standard, id, timestamp, bytes);
      assert.deepEqual([sync, async], [vector.standard_signature, vector.standard_signature]);
    });

    test('an asynchronous HMAC gives promises of the same signatures', async () => {
      const legacy: Promise<string> = legacySignature(hmacAsync, keys.legacy, body);
      const standard = standardSignature(hmacAsync, keys.standard, id, timestamp, body);
      assert.ok(legacy instanceof Promise && standard instanceof Promise);
      assert.equal(await legacy, vector.legacy_signature);
      assert.equal(await standard, vector.standard_signature);
    });
  });
}

test('a key object signs like the bytes it was made of', () => {
  const { legacy } = secretKeys(documented.secret);
  const key = createSecretKey(legacy);
  assert.equal(legacySignature(hmacSync, key, documented.body), documented.legacy_signature);
});

test('the body reaches the HMAC as it is, without a copy', () => {
  const body = new Uint8Array([123, 125]);
  const seen: unknown[] = [];
  const spy = (_key: null, content: readonly unknown[]): string => {
    seen.push(...content);
    return '';
  };
  standardSignature(spy, null, 'evt_1', 1701444600, body);
  legacySignature(spy, null, body);
  assert.deepEqual(seen, ['evt_1.1701444600.', body, body]);
  assert.ok(seen[1] === body && seen[2] === body);
});
