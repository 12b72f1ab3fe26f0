import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type VerificationErrorCode, verify } from '../src/index.ts';
import { documented, request } from './vectors.ts';

/** RFC 8032, section 7.1, test 1. */
const PUBLIC_KEY = 'whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=';
const OTHER_KEY = 'whpk_PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=';
const SIGNATURE =
  'v1a,WJ+ASskzYaZdvJcmiTrcwJXO1AVivpy+lGEgWZVCts4TIxmy5b/hfHw0KWRdvcToKfzgaocGUs+uHtKB7cRNAg==';
const V1 = documented.standard_signature;

describe('a delivery signed with a private key is verified', () => {
  const accepted: readonly [how: string, signature: string, secrets: string | string[]][] = [
    ['with its public key', SIGNATURE, PUBLIC_KEY],
    ['when another public key comes first', SIGNATURE, [OTHER_KEY, PUBLIC_KEY]],
    ['when a secret comes first', `${V1} ${SIGNATURE}`, ['another_webhook_secret', PUBLIC_KEY]],
    ['beside an entry of the other version', `${V1} ${SIGNATURE}`, PUBLIC_KEY],
    ['behind an entry that does not match', `v1a,AAAA ${SIGNATURE}`, PUBLIC_KEY],
    ['by its secret when only that matches', `${V1} v1a,AAAA`, [PUBLIC_KEY, documented.secret]],
  ];
  for (const [how, signature, secrets] of accepted) {
    test(how, async () => {
      const { id } = await verify(signed(signature, secrets));
      assert.equal(id, documented.id);
    });
  }

  test('made by the private key of the day', async () => {
    const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
    assert.ok('privateKey' in pair);
    const content = `${documented.id}.${documented.timestamp}.${documented.body}`;
    const bytes = new TextEncoder().encode(content);
    const signature = await crypto.subtle.sign('Ed25519', pair.privateKey, bytes);
    const key = await crypto.subtle.exportKey('raw', pair.publicKey);
    await verify(signed(`v1a,${base64(signature)}`, `whpk_${base64(key)}`));
  });
});

describe('a delivery signed with a private key is refused', () => {
  const refused: readonly [what: string, signature: string, code: VerificationErrorCode][] = [
    ['without its last character', SIGNATURE.slice(0, -1), 'signature_mismatch'],
    ['half', SIGNATURE.slice(0, 48), 'signature_mismatch'],
    ['with one character more', `${SIGNATURE}A`, 'signature_mismatch'],
    ['twice in one entry', SIGNATURE + SIGNATURE.slice(4), 'signature_mismatch'],
    ['empty', 'v1a,', 'signature_mismatch'],
    ['all zero', `v1a,${'A'.repeat(86)}==`, 'signature_mismatch'],
    ['with a first character that differs', SIGNATURE.replace('WJ', 'XJ'), 'signature_mismatch'],
    ['with stray bits at its end', SIGNATURE.replace('Ag==', 'Ah=='), 'signature_mismatch'],
    ['with the halves swapped', swapped(), 'signature_mismatch'],
    ['as another version', SIGNATURE.replace('v1a', 'v1'), 'signature_version_unsupported'],
    ['with the entry of a secret alone', V1, 'signature_version_unsupported'],
  ];
  for (const [what, signature, code] of refused) {
    test(what, async () => {
      await assert.rejects(verify(signed(signature, PUBLIC_KEY)), { code });
    });
  }

  test('with another public key', async () => {
    const options = signed(SIGNATURE, OTHER_KEY);
    await assert.rejects(verify(options), { code: 'signature_mismatch' });
  });

  test('with a body in which one letter differs', async () => {
    const body = documented.body.replace('John', 'Joan');
    const options = { ...signed(SIGNATURE, PUBLIC_KEY), body };
    await assert.rejects(verify(options), { code: 'signature_mismatch' });
  });

  test('by the legacy signature, which a public key cannot prove', async () => {
    const headers = { 'x-webhook-signature': documented.legacy_signature };
    const options = { ...signed(SIGNATURE, PUBLIC_KEY), headers, legacy: true };
    await assert.rejects(verify(options), { code: 'signature_mismatch' });
  });

  test('behind more entries than any sender makes', async () => {
    const many = `${'v1a,AAAA '.repeat(16)}${SIGNATURE}`;
    await assert.rejects(verify(signed(many, PUBLIC_KEY)), { code: 'signature_mismatch' });
    await verify(signed(many.slice('v1a,AAAA '.length), PUBLIC_KEY));
  });
});

function signed(signature: string, secrets: string | string[]) {
  const { headers, ...rest } = request(documented);
  return { ...rest, secrets, headers: { ...headers, 'webhook-signature': signature } };
}

/** A signature is a point and a number: exchanged, they are neither. */
function swapped(): string {
  const bytes = Buffer.from(SIGNATURE.slice('v1a,'.length), 'base64');
  return `v1a,${Buffer.concat([bytes.subarray(32), bytes.subarray(0, 32)]).toString('base64')}`;
}

function base64(bytes: ArrayBuffer): string {
  return Buffer.from(bytes).toString('base64');
}
