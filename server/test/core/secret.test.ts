import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PosthornError } from '../../src/core/errors.ts';
import { checkSecret, generateSecret, secretHint } from '../../src/core/secret.ts';
import { secretPlace } from '../../src/core/secret-place.ts';
import { seeded } from './support/seeded.ts';

const BASE64_OF_24 = Buffer.alloc(24, 7).toString('base64');

describe('a secret that a webhook may have', () => {
  const allowed: [what: string, secret: string][] = [
    ['the documented one', 'your_webhook_secret'],
    ['16 characters', 'x'.repeat(16)],
    ['256 characters', 'x'.repeat(256)],
    ['the first and the last printable character', '!~'.repeat(8)],
    ['whsec_ and base64 of 24 bytes', `whsec_${BASE64_OF_24}`],
    ['whsec_ and base64 of 64 bytes', whsec(64)],
    ['the prefix in other letters', `WHSEC_${'='.repeat(20)}`],
    ['a Standard Webhooks sample', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  ];
  for (const [what, secret] of allowed) test(`is ${what}`, () => checkSecret(secret));
});

describe('a secret that a webhook may not have', () => {
  const refused: [what: string, secret: string][] = [
    ['nothing', ''],
    ['15 characters', 'x'.repeat(15)],
    ['257 characters', 'x'.repeat(257)],
    ['one with a space', `${'x'.repeat(20)} y`],
    ['one with a line end', `${'x'.repeat(20)}\n`],
    ['one with U+007F', `${'x'.repeat(20)}\x7f`],
    ['one with an umlaut', `${'x'.repeat(20)}ä`],
    ['whsec_ alone', 'whsec_'],
    ['whsec_ and base64 of 23 bytes', whsec(23)],
    ['whsec_ and base64 of 65 bytes', whsec(65)],
    ['whsec_ and no base64', `whsec_${'-'.repeat(32)}`],
    ['whsec_ and base64 without its padding', whsec(25).replace(/=+$/, '')],
    ['whsec_ and base64 with bits left over', `${whsec(25).slice(0, -3)}d==`],
    ['a private key', `whsk_${BASE64_OF_24}`],
    ['a public key', `whpk_${BASE64_OF_24}`],
    ['whsec_ and base64 with a space', `whsec_${BASE64_OF_24.slice(0, -1)} `],
  ];
  for (const [what, secret] of refused) {
    test(`is ${what}, and the refusal does not repeat it`, () => {
      assert.throws(
        () => checkSecret(secret),
        (error: Error) => {
          assert.ok(error instanceof PosthornError);
          assert.equal(error.code, 'invalid_request');
          assert.deepEqual(
            error.faults.map(({ pointer, code }) => [pointer, code]),
            [['/secret', 'invalid_secret']],
          );
          if (secret.length > 6) assert.ok(!JSON.stringify(error.faults).includes(secret));
          return true;
        },
      );
    });
  }
});

test('a generated secret is whsec_ and base64 of 32 bytes, and may be had by a webhook', (t) => {
  const random = seeded(t);
  const secrets = Array.from({ length: 100 }, () => generateSecret(random));
  for (const secret of secrets) {
    checkSecret(secret);
    assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    assert.equal(Buffer.from(secret.slice(6), 'base64').length, 32);
  }
  assert.equal(new Set(secrets).size, secrets.length);
});

test('the hint of a secret is its last four characters', () => {
  assert.equal(secretHint('your_webhook_secret'), 'cret');
});

test('the place of a secret names account and webhook', () => {
  const place = secretPlace({ accountId: 'acc_1', webhookId: 'wh_1' });
  assert.equal(place, 'acc_1/webhooks/wh_1/secret');
});

function whsec(bytes: number): string {
  return `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;
}
