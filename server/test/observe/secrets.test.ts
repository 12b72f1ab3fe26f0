import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { DeliveryBody, ListBody, TestCallBody, WebhookBody } from '../support/api.ts';
import { startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';
import { startServer, temporaryDirectory } from '../system/support/server-process.ts';

/** Everything that a caller was answered, with the calls that may show a canary and no other. */
interface Said {
  call: string;
  text: string;
}

const canary = (name: string) => `${name}-canary-${randomBytes(16).toString('hex')}`;

test('no line at debug, no answer and no file has a secret, apart from where it is documented', async (t) => {
  const rootKey = canary('root-key');
  const wrongKey = canary('wrong-key');
  const encryptionKey = randomBytes(32);
  const givenSecret = `whsec_${randomBytes(32).toString('base64')}`;
  const urlCanary = canary('url');
  const eventBody = canary('event-body');
  const responseBody = canary('response-body');
  const idempotencyKey = canary('idempotency-key');
  const dataDir = temporaryDirectory(t);
  const { call, said, process, stop } = await serve(t, { rootKey, encryptionKey, dataDir });
  const receiver = await startReceiver(t, { otherwise: { status: 500, body: responseBody } });
  const url = `${receiver.url}?token=${urlCanary}`;

  const once = { 'Idempotency-Key': idempotencyKey };
  const created = { url, events: ['user.created'], description: 'no secret' };
  const generated = await call<WebhookBody>('POST /v1/webhooks', 201, created, once);
  await call('POST /v1/webhooks', 201, created, once);
  const given = await call<WebhookBody>('POST /v1/webhooks', 201, {
    ...created,
    secret: givenSecret,
  });
  await call('POST /v1/webhooks', 422, { ...created, secret: `${givenSecret}-and-more` });
  await call('POST /v1/webhooks', 422, { ...created, sekret: givenSecret });
  await call('POST /v1/webhooks', 422, { ...created, url: `not a url ${urlCanary}` });
  await call(`PATCH /v1/webhooks/${given.id}`, 200, { description: 'changed' });
  const rotation = { 'Idempotency-Key': `${idempotencyKey}-of-the-rotation` };
  const rotate = `POST /v1/webhooks/${given.id}/secret/rotate`;
  const rotated = await call<WebhookBody>(rotate, 200, {}, rotation);
  await call(rotate, 200, {}, rotation);
  await call(rotate, 422, { secret: `${givenSecret}-and-more` });
  await call(`PATCH /v1/webhooks/${given.id}`, 200, { secret: givenSecret });
  await call(`GET /v1/webhooks/${given.id}`, 200);
  await call('GET /v1/webhooks', 200);
  await call<TestCallBody>(`POST /v1/webhooks/${given.id}/test`, 200);
  const event = { type: 'user.created', data: { note: eventBody } };
  const published = { 'Idempotency-Key': `${idempotencyKey}-of-the-event` };
  const { id: eventId } = await call<{ id: string }>('POST /v1/events', 202, event, published);
  await call('POST /v1/events', 202, event, published);
  await call('POST /v1/events', 422, event, once);
  await call('POST /v1/events', 422, { ...event, type: 'user.creatd' });
  await call('POST /v1/events', 400, `{"type":"user.created","data":{"note":"${eventBody}"`);
  await call(`GET /v1/events/${eventId}`, 200);
  await until('all deliveries have failed', async () => {
    const path = `GET /v1/events/${eventId}/deliveries`;
    const { data } = await call<ListBody<DeliveryBody>>(path, 200);
    return data.length === 2 && data.every(({ status }) => status === 'failed') ? data : undefined;
  });
  const { data } = await call<ListBody<DeliveryBody>>(
    `GET /v1/webhooks/${generated.id}/deliveries`,
    200,
  );
  await call(`GET /v1/deliveries/${data[0]?.id}`, 200);
  receiver.otherwise({ status: 200, body: responseBody });
  await call(`POST /v1/deliveries/${data[0]?.id}/redeliver`, 202);
  await receiver.ofEvent(eventId, 5);
  await call('GET /v1/events', 401, undefined, { Authorization: `Bearer ${wrongKey}` });
  await call('GET /v1/events', 401, undefined, { Authorization: wrongKey });
  await call(`GET /nothing?key=${rootKey}`, 404);
  await call('GET /metrics', 200);
  await stop();

  const written = process.stdout + process.stderr;
  assert.match(written, /"failure":"http_status","note":null,"msg":"attempt"/);
  assert.match(written, /"status":401,[^\n]*"code":"unauthorized","msg":"request"/);
  const generatedSecret = generated.secret ?? '';
  const rotatedSecret = rotated.secret ?? '';
  for (const secret of [generatedSecret, rotatedSecret]) assert.match(secret, /^whsec_/);

  const hidden = [rootKey, wrongKey, ...spellings(encryptionKey), ...spellingsOf(givenSecret)];
  const everything = [
    ...hidden,
    ...spellingsOf(generatedSecret),
    ...spellingsOf(rotatedSecret),
    urlCanary,
    eventBody,
    responseBody,
    idempotencyKey,
  ];
  for (const secret of everything) assert.ok(!written.includes(secret), `written: ${secret}`);

  const kept = readdirSync(dataDir).map((name) => readFileSync(join(dataDir, name), 'latin1'));
  assert.ok(kept.join('').includes(eventBody), 'it is the data that was looked at');
  for (const secret of [givenSecret, generatedSecret, rotatedSecret].flatMap(spellingsOf)) {
    assert.ok(!kept.some((bytes) => bytes.includes(secret)), `kept: ${secret}`);
  }

  const documented: readonly [secrets: readonly string[], calls: RegExp][] = [
    [hidden, /^$/],
    [spellingsOf(generatedSecret), /^POST \/v1\/webhooks 201$/],
    [spellingsOf(rotatedSecret), /^POST \/v1\/webhooks\/\w+\/secret\/rotate 200$/],
    [[eventBody], /^GET \/v1\/events(?:\/evt_\w+)? 200$/],
    [[responseBody], /^(?:POST \/v1\/webhooks\/\w+\/test|GET \/v1\/deliveries\/\w+) 200$/],
    [[urlCanary], /^(?:POST|PATCH|GET) \/v1\/webhooks(?:\/\w+(?:\/secret\/rotate)?)? 20[01]$/],
    [[idempotencyKey], /^$/],
  ];
  for (const [secrets, calls] of documented) {
    for (const { call: made, text } of said) {
      const shown = secrets.find((secret) => text.includes(secret));
      assert.ok(shown === undefined || calls.test(made), `${made} answers ${shown}: ${text}`);
    }
  }
});

/** A secret as it may be written: its own text, without its prefix, and its bytes in hexadecimal. */
function spellingsOf(secret: string): string[] {
  const bare = secret.replace(/^whsec_/, '');
  return [bare, ...spellings(Buffer.from(bare, 'base64'))];
}

function spellings(bytes: Buffer): string[] {
  return [bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')];
}

/** The program itself, at debug; every answer is kept. */
async function serve(
  t: TestContext,
  keys: { rootKey: string; encryptionKey: Buffer; dataDir: string },
) {
  const { url, process } = await startServer(t, {
    mode: 'serve',
    dataDir: keys.dataDir,
    environment: {
      POSTHORN_ROOT_KEY: keys.rootKey,
      POSTHORN_ENCRYPTION_KEY: keys.encryptionKey.toString('base64'),
      POSTHORN_HOST: '127.0.0.1',
      POSTHORN_LOG_LEVEL: 'debug',
      POSTHORN_ALLOW_HTTP: 'true',
      POSTHORN_ALLOW_NETWORKS: '127.0.0.0/8',
      POSTHORN_RETRY_SCHEDULE: '0s,10ms',
    },
  });
  const said: Said[] = [];

  return {
    process,
    said,
    async stop() {
      process.kill('SIGTERM');
      await process.end();
    },
    /** `what` is the method and the path; fails unless the status is the wanted one. */
    async call<Body>(
      what: string,
      status: number,
      body?: unknown,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<Body> {
      const [method = '', path = ''] = what.split(' ');
      const response = await fetch(url + path, {
        method,
        headers: {
          Authorization: `Bearer ${keys.rootKey}`,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
      });
      const text = await response.text();
      assert.equal(response.status, status, `${what}: ${text}`);
      const shownHeaders = [...response.headers].map(([name, value]) => `${name}: ${value}`);
      said.push({ call: `${what} ${status}`, text: [...shownHeaders, text].join('\n') });
      return text.startsWith('{') ? JSON.parse(text) : (undefined as Body);
    },
  };
}
