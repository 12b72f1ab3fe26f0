import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  legacySignature,
  secretKeys,
  VERIFICATION_ERRORS,
  type VerificationErrorCode,
  type VerifyOptions,
  verify,
  WebhookVerificationError,
} from '../src/index.ts';
import { hmacSync } from '../src/node.ts';
import { documented, request, vector } from './vectors.ts';

const valid = request(documented);
const { headers } = valid;

/** A request for every code: the compiler asks for one more when the table grows. */
const REQUESTS: Record<VerificationErrorCode, VerifyOptions> = {
  secret_missing: { ...valid, secrets: undefined },
  secret_malformed: { ...valid, secrets: `${documented.secret}\n` },
  body_already_parsed: { ...valid, body: JSON.parse(documented.body) },
  headers_missing: { ...valid, headers: {} },
  legacy_not_accepted: { ...valid, headers: { 'x-webhook-signature': 'sha256=' } },
  id_malformed: { ...valid, headers: { ...headers, 'webhook-id': 'evt.1' } },
  timestamp_malformed: { ...valid, headers: { ...headers, 'webhook-timestamp': 'now' } },
  timestamp_too_old: { ...valid, now: new Date('2038-01-19') },
  timestamp_too_new: { ...valid, now: new Date('1970-01-01') },
  signature_version_unsupported: { ...valid, headers: { ...headers, 'webhook-signature': 'v2,' } },
  signature_mismatch: { ...valid, secrets: 'another_webhook_secret' },
  body_malformed: request(vector("Standard Webhooks' own")),
};

for (const [code, options] of Object.entries(REQUESTS)) {
  test(`${code} is met, with the status and the hint of the table`, async () => {
    const { status, message, hint } = VERIFICATION_ERRORS[code as VerificationErrorCode];
    const error = await rejection(options);
    assert.deepEqual(
      { name: error.name, code: error.code, status: error.status, hint: error.hint },
      { name: 'WebhookVerificationError', code, status, hint },
    );
    assert.ok(error.message.startsWith(message));
    // What a programmer has to mend is thrown at one, who may see the message alone.
    assert.equal(error.message.endsWith(hint), status === 500);
  });
}

test('every code is in snake case, and every message and hint is a sentence', () => {
  for (const [code, { message, hint }] of Object.entries(VERIFICATION_ERRORS)) {
    assert.match(code, /^[a-z]+(_[a-z]+)*$/);
    assert.match(message, /^[A-Z].*\.$/);
    assert.match(hint, /^[A-Z].*[.?]$/);
  }
});

test('only a wrong signature asks the sender to try its other secret at once', () => {
  const asking = Object.entries(VERIFICATION_ERRORS).filter(([, { status }]) =>
    [401, 403].includes(status),
  );
  assert.deepEqual(
    asking.map(([code]) => code),
    ['signature_mismatch'],
  );
});

describe('no secret is verified with', () => {
  const missing: readonly [what: string, secrets: VerifyOptions['secrets']][] = [
    ['undefined', undefined],
    ['empty text', ''],
    ['an empty list', []],
    ['a list of secrets that are not set', [undefined, '']],
    ['null, as a program without types may have it', null as never],
  ];
  for (const [what, secrets] of missing) {
    test(`when it is ${what}`, async () => {
      assert.equal((await rejection({ ...valid, secrets })).code, 'secret_missing');
    });
  }

  test('when another one in the list is malformed', async () => {
    const secrets = [documented.secret, 'whsec_not-base64-at-all'];
    assert.equal((await rejection({ ...valid, secrets })).code, 'secret_malformed');
  });
});

describe('a body that is signed is refused', () => {
  const bodies: readonly [what: string, body: string | Uint8Array<ArrayBuffer>][] = [
    ['when it is empty', ''],
    ['when it is not JSON', '{"id":'],
    ['when it is null', 'null'],
    ['when it is a list', '[]'],
    ['when it has no id', event({ id: undefined })],
    ['when its type is not text', event({ type: 1 })],
    ['when it has no created_at', event({ created_at: undefined })],
    ['when its data is null', event({ data: null })],
    ['when its data is a list', event({ data: [] })],
    ['when it starts with a byte order mark', `\ufeff${event({})}`],
    ['when its bytes start with a byte order mark', Buffer.from(`\ufeff${event({})}`)],
    ['when it is not UTF-8', Buffer.from(event({ type: 'é' }), 'latin1')],
  ];
  for (const [what, body] of bodies) {
    test(what, async () => {
      assert.equal((await rejection(legacyRequest(body))).code, 'body_malformed');
    });
  }

  test('when its id is not the one of the header', async () => {
    const text = documented.body;
    const { standard } = secretKeys(documented.secret);
    const digest = hmacSync(standard, [`evt_other.${documented.timestamp}.`, text], 'base64');
    const changed = { 'webhook-id': 'evt_other', 'webhook-signature': `v1,${digest}` };
    const error = await rejection({ ...valid, headers: { ...headers, ...changed } });
    assert.equal(error.code, 'body_malformed');
  });

  test('without a word of it in the error', async () => {
    const error = await rejection(legacyRequest('{"card":"4111 1111"'));
    assert.doesNotMatch(`${error.stack} ${error.hint}`, /card|4111/);
    assert.equal(error.cause, undefined);
  });
});

describe('the hint of a signature that does not match', () => {
  const { hint: usual } = VERIFICATION_ERRORS.signature_mismatch;
  const other = 'another_webhook_secret';
  const causes: readonly [cause: string, change: Partial<VerifyOptions>, hint: RegExp][] = [
    ['names quotes around the secret', { secrets: `"${documented.secret}"` }, /quotes/],
    [
      'names quotes around one of several',
      { secrets: [other, `'${documented.secret}'`] },
      /quotes/,
    ],
    [
      'names the id of the webhook where that of the event belongs',
      { headers: { ...headers, 'webhook-id': 'wh_0VbrPiHT00xEekcSzxdbQ7nk' } },
      /X-Webhook-Id/,
    ],
    [
      'names a body that was parsed and printed again',
      { body: JSON.stringify(JSON.parse(documented.body), null, 2) },
      /printed again/,
    ],
    ['names a line end behind the body', { body: `${documented.body}\n` }, /printed again/],
    ['is the usual one for another secret', { secrets: other }, literally(usual)],
    ['is the usual one for a body that is not JSON', { body: '{' }, literally(usual)],
  ];
  for (const [cause, change, hint] of causes) {
    test(cause, async () => {
      const error = await rejection({ ...valid, ...change });
      assert.equal(error.code, 'signature_mismatch');
      assert.match(error.hint, hint);
    });
  }
});

describe('the message says', () => {
  const cases: readonly [what: string, change: Partial<VerifyOptions>, message: RegExp][] = [
    ['that a secret has white space around it', { secrets: ' your_webhook_secret' }, /white space/],
    ['that a key is the one that signs', { secrets: `whsk_${'A'.repeat(86)}==` }, /whpk_/],
    ['that a public key is malformed', { secrets: 'whpk_not-a-key' }, /32 bytes/],
    [
      'which headers are missing',
      { headers: { 'webhook-id': 'evt_1' } },
      /Missing: webhook-timestamp, webhook-signature\./,
    ],
    [
      'that the wrong header was passed on',
      { headers: { ...headers, 'webhook-signature': documented.legacy_signature } },
      /X-Webhook-Signature, another header/,
    ],
    ['by how much a clock is late', { now: at(-3600) }, /3600 seconds ahead/],
    ['by how much a clock is early, or the request old', { now: at(3600) }, /3600 seconds old/],
  ];
  for (const [what, change, message] of cases) {
    test(what, async () => {
      assert.match((await rejection({ ...valid, ...change })).message, message);
    });
  }
});

test('no error repeats a secret', async () => {
  const secrets = ['visible', 'visible-visible-visible ', 'whsec_visible-visible-visible'];
  for (const secret of secrets) {
    const error = await rejection({ ...valid, secrets: secret });
    assert.equal(error.code, 'secret_malformed');
    assert.doesNotMatch(`${error.stack} ${error.hint}`, /visible/);
  }
});

async function rejection(options: VerifyOptions): Promise<WebhookVerificationError> {
  const outcome = await verify(options).catch((error: unknown) => error);
  assert.ok(outcome instanceof WebhookVerificationError, 'the request was verified');
  return outcome;
}

function legacyRequest(body: string | Uint8Array<ArrayBuffer>): VerifyOptions {
  const { legacy } = secretKeys(documented.secret);
  const signature = legacySignature(hmacSync, legacy, body);
  return { ...valid, body, headers: { 'x-webhook-signature': signature }, legacy: true };
}

function event(change: Record<string, unknown>): string {
  return JSON.stringify({ ...JSON.parse(documented.body), ...change });
}

function literally(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
}

function at(seconds: number): Date {
  return new Date((documented.timestamp + seconds) * 1000);
}
