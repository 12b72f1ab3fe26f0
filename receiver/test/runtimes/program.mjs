// Runs in Deno and Bun, with the package as it is published: every signature of the file that is given,
// then deliveries of the test kit to the Fetch adapter behind the runtime's own server.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { createReceiver, verify } from '@posthorn/receiver';
import { fetchHandler } from '@posthorn/receiver/fetch';
import {
  deliver,
  duplicateOf,
  expiredRequest,
  signedRequest,
  TEST_SECRET,
  tamperedRequest,
} from '@posthorn/receiver/testing';

const { hmac, ed25519 } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const signatures = {};
for (const vector of hmac) {
  const { name, secret, standard_secret, legacy_signature } = vector;
  const body = vector.body ?? cooked(vector.body_recipe);
  const legacy = { 'x-webhook-signature': legacy_signature };
  signatures[name] = [
    await outcome({ ...standard(vector), body, secrets: secret }),
    await outcome({ ...standard(vector), body, secrets: standard_secret }),
    await outcome({ headers: legacy, body, secrets: secret, legacy: true }),
    await outcome({ ...standard(vector), body: `${body} `, secrets: secret }),
  ];
}
for (const vector of ed25519) {
  const { name, body, public_key } = vector;
  signatures[name] = [
    await outcome({ ...standard(vector), body, secrets: public_key }),
    await outcome({ ...standard(vector), body: `${body} `, secrets: public_key }),
  ];
}

const handled = [];
const receiver = createReceiver({ secrets: TEST_SECRET });
receiver.on('user.*', ({ type }) => handled.push(type)).onError(() => {});
const server = await serve(fetchHandler(receiver));
const signed = await signedRequest({ type: 'user.deleted' });
const answers = [];
for (const sent of [
  signed,
  await duplicateOf(signed),
  await tamperedRequest(),
  await expiredRequest(),
]) {
  answers.push((await deliver(server.url, sent)).status);
}
await server.stop();

console.log(JSON.stringify({ signatures, answers, handled }));

function standard({ id, timestamp, standard_signature }) {
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': standard_signature,
  };
  return { headers, now: new Date(timestamp * 1000) };
}

async function outcome(options) {
  return await verify(options).then(
    ({ id }) => id,
    ({ code }) => code,
  );
}

function cooked({ prefix, repeat, times, suffix }) {
  return prefix + repeat.repeat(times) + suffix;
}

async function serve(handler) {
  const options = { port: 0, hostname: '127.0.0.1' };
  if ('Bun' in globalThis) {
    const server = globalThis.Bun.serve({ ...options, fetch: handler });
    return { url: new URL(server.url), stop: () => server.stop(true) };
  }
  const server = globalThis.Deno.serve({ ...options, onListen() {} }, handler);
  const url = new URL(`http://127.0.0.1:${server.addr.port}/`);
  return { url, stop: () => server.shutdown() };
}
