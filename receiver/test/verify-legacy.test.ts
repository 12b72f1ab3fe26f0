import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type VerificationErrorCode, verify } from '../src/index.ts';
import { documented, hmacVectors, request } from './vectors.ts';

const SIGNATURE = documented.legacy_signature;

describe('a delivery with only the legacy signature', () => {
  for (const vector of hmacVectors.filter((candidate) => candidate.is_event)) {
    test(`is verified with the vector "${vector.name}" when that is allowed`, async () => {
      const headers = { 'X-Webhook-Signature': vector.legacy_signature };
      assert.deepEqual(await verify({ ...request(vector), headers, legacy: true }), {
        id: vector.id,
        type: JSON.parse(vector.body).type,
        timestamp: undefined,
        event: JSON.parse(vector.body),
      });
    });
  }

  test('is refused unless that is allowed', async () => {
    const options = { ...request(documented), headers: { 'X-Webhook-Signature': SIGNATURE } };
    await assert.rejects(verify(options), { code: 'legacy_not_accepted' });
    await assert.rejects(verify({ ...options, legacy: false }), { code: 'legacy_not_accepted' });
  });

  test('is verified when the other headers are there by name only', async () => {
    const absent = { 'webhook-id': undefined, 'webhook-timestamp': undefined };
    const headers = { ...absent, 'webhook-signature': [], 'X-Webhook-Signature': SIGNATURE };
    await verify({ ...request(documented), headers, legacy: true });
  });

  test('is verified with any of several secrets', async () => {
    const headers = { 'X-Webhook-Signature': SIGNATURE };
    const secrets = ['another_webhook_secret', documented.secret];
    await verify({ ...request(documented), headers, secrets, legacy: true });
  });

  const refused: readonly [what: string, value: string, code: VerificationErrorCode][] = [
    ['another signature', `sha256=${'0'.repeat(64)}`, 'signature_mismatch'],
    ['a signature without its last digit', SIGNATURE.slice(0, -1), 'signature_mismatch'],
    ['a signature and one digit more', `${SIGNATURE}0`, 'signature_mismatch'],
    ['a last digit that differs', SIGNATURE.replace(/6$/, '7'), 'signature_mismatch'],
    ['a signature in capitals', SIGNATURE.toUpperCase(), 'signature_mismatch'],
    ['no prefix', SIGNATURE.slice('sha256='.length), 'signature_mismatch'],
    ['a prefix alone', 'sha256=', 'signature_mismatch'],
    ['two signatures', `${SIGNATURE}, ${SIGNATURE}`, 'signature_mismatch'],
    ['an entry of the other scheme', documented.standard_signature, 'signature_mismatch'],
    ['an empty header', '', 'headers_missing'],
  ];
  for (const [what, value, code] of refused) {
    test(`is refused with ${what}`, async () => {
      const headers = { 'X-Webhook-Signature': value };
      await assert.rejects(verify({ ...request(documented), headers, legacy: true }), { code });
    });
  }

  test('is refused with another body', async () => {
    const headers = { 'X-Webhook-Signature': SIGNATURE };
    const options = { ...request(documented), headers, legacy: true };
    const body = documented.body.replace('John', 'Joan');
    await assert.rejects(verify({ ...options, body }), { code: 'signature_mismatch' });
  });

  test('is refused with the standard spelling, which is another legacy key', async () => {
    const headers = { 'X-Webhook-Signature': SIGNATURE };
    const secrets = documented.standard_secret;
    await assert.rejects(verify({ ...request(documented), headers, secrets, legacy: true }), {
      code: 'signature_mismatch',
    });
  });
});

describe('the legacy signature is not even looked at', () => {
  for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
    for (const value of ['x', '']) {
      test(`beside ${name} ${value === '' ? 'without a value' : 'alone'}`, async () => {
        const headers = { 'X-Webhook-Signature': SIGNATURE, [name]: value };
        await assert.rejects(verify({ ...request(documented), headers, legacy: true }), {
          code: 'headers_missing',
        });
      });
    }
  }

  test('beside a standard signature that is wrong', async () => {
    const { headers } = request(documented);
    const forged = { ...headers, 'webhook-signature': 'v1,AAAA' };
    await assert.rejects(verify({ ...request(documented), headers: forged, legacy: true }), {
      code: 'signature_mismatch',
    });
  });

  test('beside a standard signature that is old', async () => {
    const now = new Date((documented.timestamp + 301) * 1000);
    await assert.rejects(verify({ ...request(documented), now, legacy: true }), {
      code: 'timestamp_too_old',
    });
  });
});
