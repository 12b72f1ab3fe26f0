import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeBase64 } from '../src/base64.ts';
import { secretKeys } from '../src/index.ts';
import { receiverSecretFault } from '../src/secret.ts';
import { secretFault, standardSpelling } from '../src/sender.ts';
import { hmacVectors } from './vectors.ts';

const STANDARD = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

const PRINTABLE = /printable ASCII/;
const LENGTH = /16 to 256 characters/;
const BASE64 = /canonical base64 of 24 to 64 bytes/;

const RULES: readonly [description: string, secret: string, fault: RegExp | undefined][] = [
  ['the documented secret', 'your_webhook_secret', undefined],
  ['15 characters', 'x'.repeat(15), LENGTH],
  ['16 characters', 'x'.repeat(16), undefined],
  ['256 characters', 'x'.repeat(256), undefined],
  ['257 characters', 'x'.repeat(257), LENGTH],
  ['nothing', '', LENGTH],
  ['a space, U+0020', `${'x'.repeat(16)} `, PRINTABLE],
  ['an exclamation mark, U+0021', `${'x'.repeat(16)}!`, undefined],
  ['a tilde, U+007E', `${'x'.repeat(16)}~`, undefined],
  ['the delete character, U+007F', `${'x'.repeat(16)}\x7f`, PRINTABLE],
  ['a line end', `${'x'.repeat(16)}\n`, PRINTABLE],
  ['a letter beyond ASCII', `${'x'.repeat(16)}é`, PRINTABLE],
  ['whsec_ and 23 bytes', spelled(23), BASE64],
  ['whsec_ and 24 bytes', spelled(24), undefined],
  ['whsec_ and 32 bytes', spelled(32), undefined],
  ['whsec_ and 64 bytes', spelled(64), undefined],
  ['whsec_ and 65 bytes', spelled(65), BASE64],
  ['whsec_ alone', 'whsec_', LENGTH],
  ['whsec_ without its padding', spelled(25).replace(/=+$/, ''), BASE64],
  ['whsec_ with stray bits at its end', spelled(25).replace(/A==$/, 'B=='), BASE64],
  ['whsec_ with the alphabet for URLs', spelled(24, 0xff).replaceAll('/', '_'), BASE64],
  ['whsec_ with characters outside base64', `whsec_${'*'.repeat(32)}`, BASE64],
  ['whsec_ in capitals, which is no prefix', `WHSEC_${'*'.repeat(32)}`, undefined],
];

describe('a secret given by the owner of a webhook', () => {
  for (const [description, secret, fault] of RULES) {
    test(`${description} is ${fault === undefined ? 'allowed' : 'refused'}`, () => {
      const given = secretFault(secret);
      if (fault === undefined) assert.equal(given, undefined);
      else assert.match(given ?? '', fault);
    });
  }

  test('is never repeated in the sentence that refuses it', () => {
    for (const [, secret] of RULES.filter(([, value]) => value !== '' && value !== 'whsec_')) {
      assert.ok(!secretFault(secret)?.includes(secret));
    }
  });
});

describe('the keys of a secret', () => {
  test('are its UTF-8 bytes for both signatures when it is not in base64', () => {
    const bytes = new TextEncoder().encode('your_webhook_secret');
    assert.deepEqual(secretKeys('your_webhook_secret'), { legacy: bytes, standard: bytes });
  });

  test('are all its bytes for the legacy signature and the decoded ones for the other', () => {
    assert.deepEqual(secretKeys(STANDARD), {
      legacy: new TextEncoder().encode(STANDARD),
      standard: new Uint8Array(Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64')),
    });
  });

  test('do not exist when whsec_ is not followed by canonical base64', () => {
    const secret = `whsec_${'*'.repeat(32)}`;
    assert.throws(
      () => secretKeys(secret),
      (error) => error instanceof TypeError && !error.message.includes(secret),
    );
  });
});

describe('the standard spelling of a secret', () => {
  test('is whsec_ and base64 of its standard key', () => {
    for (const vector of hmacVectors) {
      assert.equal(standardSpelling(vector.secret), vector.standard_secret);
    }
  });

  test('has the same standard key', () => {
    for (const { secret } of hmacVectors) {
      assert.deepEqual(secretKeys(standardSpelling(secret)).standard, secretKeys(secret).standard);
    }
  });

  test('of a secret in base64 is that secret, unchanged', () => {
    assert.equal(standardSpelling(STANDARD), STANDARD);
  });
});

describe('a secret given to a receiver', () => {
  const rules: readonly [description: string, secret: string, isAllowed: boolean][] = [
    ['15 characters', 'x'.repeat(15), false],
    ['16 characters', 'x'.repeat(16), true],
    ['256 characters', 'x'.repeat(256), true],
    ['257 characters', 'x'.repeat(257), false],
    ['the standard spelling of 15 bytes', spelled(15), false],
    ['the standard spelling of 16 bytes', spelled(16), true],
    ['the standard spelling of 256 bytes', spelled(256), true],
    ['the standard spelling of 257 bytes', spelled(257), false],
    ['whsec_ with characters outside base64', `whsec_${'*'.repeat(32)}`, false],
    ['a line end', `${'x'.repeat(16)}\n`, false],
  ];
  for (const [description, secret, isAllowed] of rules) {
    test(`${description} is ${isAllowed ? 'allowed' : 'refused'}`, () => {
      assert.equal(receiverSecretFault(secret) === undefined, isAllowed);
    });
  }
});

function spelled(bytes: number, value = 0): string {
  return `whsec_${encodeBase64(new Uint8Array(bytes).fill(value))}`;
}
