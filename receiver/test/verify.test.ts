import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type VerificationErrorCode, type VerifyOptions, verify } from '../src/index.ts';
import { documented, hmacVectors, request, vector } from './vectors.ts';

const OTHER_SECRET = 'another_webhook_secret';
const SIGNATURE = documented.standard_signature;
const UNSUPPORTED = 'signature_version_unsupported';

describe('a delivery is verified', () => {
  for (const one of hmacVectors.filter((candidate) => candidate.is_event)) {
    test(`with the vector "${one.name}"`, async () => {
      const verified = await verify(request(one));
      assert.deepEqual(verified, {
        id: one.id,
        type: JSON.parse(one.body).type,
        timestamp: new Date(one.timestamp * 1000),
        event: JSON.parse(one.body),
      });
    });

    test(`with the standard spelling of the secret of "${one.name}"`, async () => {
      await verify({ ...request(one), secrets: one.standard_secret });
    });
  }

  const accepted: readonly [how: string, change: Partial<VerifyOptions>][] = [
    ['when the old secret is the one that matches', { secrets: [OTHER_SECRET, documented.secret] }],
    ['when the new secret is the one that matches', { secrets: [documented.secret, OTHER_SECRET] }],
    ['when one of the secrets is not set', { secrets: [undefined, '', documented.secret] }],
    ['300 seconds after it was signed', later(300)],
    ['300.9 seconds after it was signed, as only whole ones count', later(300.9)],
    ['300 seconds before it was signed, by a clock that is slow', later(-300)],
    ['at the edge of a tolerance of its own', { ...later(10), tolerance: 10 }],
    ['at any time when the tolerance is infinite', { ...later(1e9), tolerance: Infinity }],
    ['when the second entry matches', signed(`v1,${flipped(SIGNATURE).slice(3)} ${SIGNATURE}`)],
    ['when the first entry matches', signed(`${SIGNATURE} v1,AAAA`)],
    ['when an entry of an unknown version comes first', signed(`v2,AAAA ${SIGNATURE}`)],
    ['when an asymmetric entry follows', signed(`${SIGNATURE} v1a,AAAA`)],
    ['when there are more spaces than one', signed(` v1,AAAA   ${SIGNATURE} `)],
    ['when a proxy made two header lines into one', signed(`v1,AAAA, ${SIGNATURE}`)],
    ['when it did so with the matching one first', signed(`${SIGNATURE}, v1,AAAA`)],
    ['with a legacy signature that is wrong, as the better one counts', legacy('sha256=00')],
  ];
  for (const [how, change] of accepted) {
    test(how, async () => {
      assert.equal((await verify({ ...request(documented), ...change })).id, 'evt_abc123');
    });
  }
});

test('the present is taken from the clock of the machine', async () => {
  const { now: _, ...withoutNow } = request(documented);
  await assert.rejects(verify(withoutNow), { code: 'timestamp_too_old' });
});

describe('a delivery is refused', () => {
  const swapped = vector('a body beyond ASCII').standard_signature;
  const refused: readonly [
    what: string,
    change: Partial<VerifyOptions>,
    code: VerificationErrorCode,
  ][] = [
    ['a body with one letter changed', body('John', 'Joan'), 'signature_mismatch'],
    ['a body with a line end added', { body: `${documented.body}\n` }, 'signature_mismatch'],
    ['a body that is empty', { body: '' }, 'signature_mismatch'],
    ['another id', header('webhook-id', 'evt_abc124'), 'signature_mismatch'],
    ['another timestamp', header('webhook-timestamp', '1701444601'), 'signature_mismatch'],
    ['another secret', { secrets: OTHER_SECRET }, 'signature_mismatch'],
    ['several other secrets', { secrets: [OTHER_SECRET, OTHER_SECRET] }, 'signature_mismatch'],
    ['a secret in other case', { secrets: 'YOUR_WEBHOOK_SECRET' }, 'signature_mismatch'],

    [
      'a signature without its last character',
      signed(SIGNATURE.slice(0, -1)),
      'signature_mismatch',
    ],
    ['half a signature', signed(SIGNATURE.slice(0, 25)), 'signature_mismatch'],
    ['a signature and one character more', signed(`${SIGNATURE}A`), 'signature_mismatch'],
    ['a signature twice in one entry', signed(SIGNATURE + SIGNATURE), 'signature_mismatch'],
    ['an entry without a signature', signed('v1,'), 'signature_mismatch'],
    ['the signature of another delivery', signed(swapped), 'signature_mismatch'],
    ['a first character that differs', signed(flipped(SIGNATURE)), 'signature_mismatch'],
    ['a last byte that differs', signed(SIGNATURE.replace('S7E=', 'S7I=')), 'signature_mismatch'],
    [
      'stray bits at the end of base64',
      signed(SIGNATURE.replace('E=', 'F=')),
      'signature_mismatch',
    ],
    ['a signature in lower case', signed(SIGNATURE.toLowerCase()), 'signature_mismatch'],
    ['a legacy signature as an entry', signed(`v1,${hex()}`), 'signature_mismatch'],

    ['only unknown versions', signed(`v2,${SIGNATURE.slice(3)} v1a,A`), UNSUPPORTED],
    ['a signature without a version', signed(SIGNATURE.slice(3)), UNSUPPORTED],
    ['a version without a comma', signed('v1'), UNSUPPORTED],
    ['a version in capitals', signed(SIGNATURE.replace('v1', 'V1')), UNSUPPORTED],

    ['an age of 301 seconds', later(301), 'timestamp_too_old'],
    ['a time of signing 301 seconds ahead', later(-301), 'timestamp_too_new'],
    [
      'an age of 11 seconds and a tolerance of 10',
      { ...later(11), tolerance: 10 },
      'timestamp_too_old',
    ],
    ['a tolerance that is not a number', { tolerance: Number.NaN }, 'timestamp_too_old'],
    ['a present that is not a date', { now: new Date(Number.NaN) }, 'timestamp_too_old'],

    ['no webhook-id', without('webhook-id'), 'headers_missing'],
    ['no webhook-timestamp', without('webhook-timestamp'), 'headers_missing'],
    ['no webhook-signature', without('webhook-signature'), 'headers_missing'],
    ['an empty webhook-id', header('webhook-id', ''), 'headers_missing'],
    ['an empty webhook-timestamp', header('webhook-timestamp', ''), 'headers_missing'],
    ['an empty webhook-signature', signed(''), 'headers_missing'],
    ['no header at all', { headers: {} }, 'headers_missing'],

    ['an id with a full stop', header('webhook-id', 'evt_abc123.1'), 'id_malformed'],
    ['two ids', { headers: doubled('webhook-id') }, 'id_malformed'],
    ['an id of 257 characters', header('webhook-id', 'x'.repeat(257)), 'id_malformed'],
    ['two timestamps', { headers: doubled('webhook-timestamp') }, 'timestamp_malformed'],
  ];
  for (const [what, change, code] of refused) {
    test(`with ${what}`, async () => {
      await assert.rejects(verify({ ...request(documented), ...change }), { code });
    });
  }

  for (const text of [
    '1701444600.0',
    '1.7e9',
    '-1',
    '01701444600',
    '0x656a',
    '1701444600000',
    'NaN',
  ]) {
    test(`with the timestamp ${text}`, async () => {
      const options = { ...request(documented), ...header('webhook-timestamp', text) };
      await assert.rejects(verify(options), { code: 'timestamp_malformed' });
    });
  }

  test('with any one character of the signature changed', async () => {
    for (let index = 0; index < SIGNATURE.length; index++) {
      const changed = SIGNATURE[index] === 'A' ? 'B' : 'A';
      const forged = SIGNATURE.slice(0, index) + changed + SIGNATURE.slice(index + 1);
      await assert.rejects(verify({ ...request(documented), ...signed(forged) }), {
        name: 'WebhookVerificationError',
      });
    }
  });
});

function header(name: string, value: string): { headers: Record<string, string> } {
  return { headers: { ...request(documented).headers, [name]: value } };
}

function signed(value: string): { headers: Record<string, string> } {
  return header('webhook-signature', value);
}

function legacy(value: string): { headers: Record<string, string> } {
  return header('x-webhook-signature', value);
}

function without(name: string): { headers: Record<string, string | undefined> } {
  return { headers: { ...request(documented).headers, [name]: undefined } };
}

function doubled(name: string): Record<string, string | string[]> {
  const { headers } = request(documented);
  const value = headers[name] ?? '';
  return { ...headers, [name]: [value, value] };
}

function later(seconds: number): { now: Date } {
  return { now: new Date((documented.timestamp + seconds) * 1000) };
}

function body(from: string, to: string): { body: string } {
  return { body: documented.body.replace(from, to) };
}

function flipped(signature: string): string {
  return signature.replace('v1,X', 'v1,Y');
}

function hex(): string {
  return documented.legacy_signature.slice('sha256='.length);
}
